"""What the committed results were made with: processor and versions."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("dvc", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy", "torch")


def environment() -> dict[str, str]:
    """Name Python, packages and processor; the same bytes come out again only where they are the same."""
    packages = {name: version(name).removesuffix("+cpu") for name in PACKAGES}
    return {"python": platform.python_version(), "processor": processor()} | packages


def processor() -> str:
    """Name the processor, with a digest of its features: clouds sell different ones under one name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name", platform.machine())
    features = " ".join(sorted(fields.get("flags", fields.get("Features", "")).split()))
    return f"{name} ({hashlib.sha256(features.encode()).hexdigest()[:8]})"
