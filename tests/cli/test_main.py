import contextlib
import json
import signal
import subprocess
import sys

import pytest
from small_tables import masked_table

from notmiwae.cli.main import SUBCOMMANDS, main

COMMAND = [sys.executable, "-m", "notmiwae.cli"]


def test_help_is_quick():
    code = (
        "import sys\nfrom notmiwae.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "import json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *shown, modules = done.stdout.splitlines()
    assert not {"torch", "pandas", "sklearn", "numpy", "scipy", "matplotlib"} & set(json.loads(modules))
    assert "examples:" in shown


@pytest.mark.parametrize("name", [module.removesuffix("_command") for module in SUBCOMMANDS])
def test_each_help_has_examples(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"  notmiwae {name} " in capsys.readouterr().out.split("examples:")[1]


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("notmiwae 0.")


@pytest.mark.parametrize("typed", [[], ["imput"], ["impute", "in.csv"], ["describe", "a.csv", "--hue"]])
def test_wrong_usage_is_status_2(typed, capsys):
    with pytest.raises(SystemExit) as ended:
        main(typed)
    assert ended.value.code == 2
    assert "usage: notmiwae" in capsys.readouterr().err


def test_errors_have_one_line_and_status_2(tmp_path):
    done = subprocess.run([*COMMAND, "describe", tmp_path / "no.csv"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {tmp_path}/no.csv: no such file\n"


def test_ctrl_c_while_training(tmp_path):
    masked_table().to_csv(tmp_path / "in.csv", index=False)
    typed = [*COMMAND, "impute", "in.csv", "-o", "out.csv", "--ignore", "id", "--steps", "100000"]
    with subprocess.Popen(
        typed,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background ignores it, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        for line in process.stderr:
            if line.startswith("training"):
                break
        for _ in range(20):
            # Where one hits an import or a finaliser, Python may lose it: people press the keys again.
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=3)
                break
        process.kill()
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "interrupted; nothing was written"
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_full_disk_is_an_error(refused, tmp_path, monkeypatch):
    def full(*arguments, **named):
        raise OSError(28, "No space left on device", "out.csv")

    complete = tmp_path / "complete.csv"
    complete.write_text("a,b\n1,2\n2,4\n")
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert "No space left" in refused("impute", complete, "-o", tmp_path / "out.csv", "--quiet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["complete.csv"]
