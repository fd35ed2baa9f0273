"""A small table with missing values, and the command run in this process."""

import json
from types import SimpleNamespace

import pytest
from small_tables import QUICK, masked_table

from notmiwae.cli.main import main


@pytest.fixture
def notmiwae(capsys):
    def run(*arguments):
        status = main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err, json=lambda: json.loads(out))

    return run


@pytest.fixture
def refused(notmiwae):
    """Runs what has to end in one line of error, and returns it."""

    def run(*arguments):
        found = notmiwae(*arguments)
        assert (found.status, found.out) == (2, "")
        assert found.err.startswith("error: ")
        assert found.err.count("\n") == 1
        return found.err

    return run


@pytest.fixture
def masked(tmp_path):
    path = tmp_path / "masked.csv"
    masked_table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with what one call of `impute` wrote: out.csv, draws.csv, model."""
    folder = tmp_path_factory.mktemp("trained")
    masked_table().to_csv(folder / "in.csv", index=False)
    arguments = ["impute", f"{folder}/in.csv", "-o", f"{folder}/out.csv", "--ignore", "id", "--quiet", *QUICK]
    arguments += ["--missing-process", "wage=high", "age=high", "region=mcar"]
    arguments += ["--draws", "3", "--draws-out", f"{folder}/draws.csv", "--model-out", f"{folder}/model"]
    assert main(arguments) == 0
    return folder
