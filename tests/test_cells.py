"""The jobs of a stage: each is done once, what is missing or was altered again, and nothing else."""

import pandas as pd
import pytest

from study.run.jobs import Job, checkpoints, run_cells, together
from study.run.resume import is_current, note_path


def note_of(job):
    """Where the note lies that says what a job's output was made from."""
    return note_path(job.output, job.fingerprint)


CELLS = [("ring", "knn"), ("ring", "mean"), ("gaussian", "knn")]


def make(job, log, dying, report):
    """Write the job's output, a file or a folder; die where told to, `before` or `after` it is written."""
    with log.open("a") as file:
        file.write(f"{name(job)}\n")
    if dying.get(name(job)) == "before":
        raise ValueError("no")
    if job.output.suffix:
        job.output.parent.mkdir(parents=True, exist_ok=True)
        job.output.write_text(f"{job.seed}")
    else:
        (job.output / "inner").mkdir(parents=True, exist_ok=True)
        (job.output / "inner" / "weights").write_text(f"{job.seed}")
    if dying.get(name(job)) == "after":
        raise ValueError("no")
    return 1.0 + job.replicate


def name(job):
    return f"{job.method}/{job.dataset}/{job.replicate}"


class Stage:
    """A stage of 3 cells of 2 replicates, whose jobs are counted."""

    def __init__(self, folder, suffix):
        self.folder = folder / "outputs"
        self.log = folder / "log"
        self.suffix = suffix
        self.jobs = [
            Job(d, m, r, 7 * r, self.folder / m / d / f"{r:03d}{suffix}", f"made from {d} {m} {r}")
            for d, m in CELLS
            for r in range(2)
        ]

    def run(self, dying=None):
        """The names of the jobs that were started."""
        self.log.write_text("")
        try:
            work = [(job, self.log, dying or {}) for job in self.jobs]
            run_cells(make, work, self.folder, "train", "fit_seconds")
        finally:
            self.started = sorted(self.log.read_text().split())
        return self.started

    def names(self):
        return sorted(name(job) for job in self.jobs)

    def current(self):
        return sorted(name(job) for job in self.jobs if is_current(job.output, job.fingerprint))

    def content(self):
        return {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("compute: {workers: 1}\n")
    return tmp_path


@pytest.fixture(params=[".parquet", ""], ids=["files", "folders"])
def stage(request, workplace):
    return Stage(workplace, request.param)


def change(job, fingerprint):
    return Job(job.dataset, job.method, job.replicate, job.seed, job.output, fingerprint)


def test_every_job_is_done_once_and_a_second_run_does_nothing(stage, workplace):
    assert stage.run() == stage.names() == stage.current()
    before, timings = stage.content(), (workplace / "reports/timings.csv").stat().st_mtime_ns
    assert stage.run() == []
    assert stage.content() == before
    assert (workplace / "reports/timings.csv").stat().st_mtime_ns == timings


LOST = {
    "output": lambda job: job.output.rename(job.output.with_name("elsewhere")),
    "note": lambda job: note_of(job).unlink(),
    "damaged note": lambda job: note_of(job).write_bytes(b"\xff"),
}


@pytest.mark.parametrize("lost", LOST)
def test_a_job_that_lost_something_is_done_again_alone(stage, lost):
    stage.run()
    before = stage.content()
    LOST[lost](stage.jobs[3])
    assert stage.run() == [name(stage.jobs[3])]
    after = stage.content()
    assert {path: content for path, (content, _) in after.items()} == {
        path: content for path, (content, _) in before.items()
    }
    touched = {path for path in after if after[path][1] != before[path][1]}
    assert all(stage.jobs[3].output in (path, *path.parents) for path in touched)


def test_a_job_with_another_fingerprint_is_done_again_alone(stage):
    stage.run()
    stage.jobs[2] = change(stage.jobs[2], "made from another table")
    assert stage.run() == [name(stage.jobs[2])]
    assert stage.current() == stage.names()


def test_a_job_more_is_done_alone_and_a_job_less_is_removed(stage):
    stage.run()
    extra = Job("ring", "knn", 2, 0, stage.folder / f"knn/ring/002{stage.suffix}", "new")
    stage.jobs.append(extra)
    assert stage.run() == [name(extra)]
    stage.jobs.remove(extra)
    assert stage.run() == []
    assert not extra.output.exists()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_job_that_dies_the_rest_is_done_and_no_more(stage, workplace, workers, when):
    (workplace / "params.yaml").write_text(f"compute: {{workers: {workers}}}\n")
    dying = name(stage.jobs[3])
    with pytest.raises(ValueError, match=r"^no$"):
        stage.run({dying: when})
    finished = stage.current()
    assert dying not in finished
    if workers == 1:
        assert finished == sorted(name(job) for job in stage.jobs[:3])
    assert stage.run() == sorted(set(stage.names()) - set(finished))
    assert stage.current() == stage.names()


def test_an_output_that_was_being_made_anew_when_its_job_died_is_not_taken_for_the_new_one(stage):
    stage.run()
    old = stage.jobs[0]
    stage.jobs[0] = change(old, "another")
    for dying in ("before", "after"):
        with pytest.raises(ValueError, match="no"):
            stage.run({name(old): dying})
        assert not is_current(old.output, "another")
    assert stage.run() == [name(old)]


def test_groups_of_replicates_that_are_made_from_the_same_have_checkpoints_of_their_own(workplace):
    """A study's replicates share seed and inputs; one group must not go on with another's weights."""
    folder = workplace / "trials"
    jobs = [Job("red", "miwae", r, 7, folder / f"{r:03d}.json", "made from the same") for r in range(20)]
    first, second = together(jobs, 10)
    assert checkpoints(first) != checkpoints(second)
    assert checkpoints(first) == checkpoints(together(jobs, 10)[0])


def test_an_output_that_comes_back_is_known(stage):
    """From DVC's cache, say: an earlier result, after others were made in its place."""
    stage.run()
    first = stage.jobs[0]
    again = change(first, "another")
    again = Job(again.dataset, again.method, again.replicate, 99, again.output, again.fingerprint)
    whole = {path: path.read_bytes() for path in stage.content()}
    stage.jobs[0] = again
    assert stage.run() == [name(again)]
    for path, content in whole.items():
        path.write_bytes(content)
    stage.jobs[0] = first
    assert stage.run() == []


def test_what_another_grid_or_a_killed_run_left_is_removed(stage):
    stage.run()
    before = stage.content()
    stale = [
        "svd/ring/000.parquet",
        "knn/mnist/000/00/weights",
        "knn/ring/007.parquet",
        "knn/ring/000.made_from",
        "knn/ring/.000.parquet.123.tmp",
        "knn/ring/.00.123.tmp/weights",
        "readme.txt",
    ]
    for path in stale:
        (stage.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (stage.folder / path).write_text("")
    (stage.folder / "empty").mkdir()
    outside = stage.folder.parent / "beside.txt"
    outside.write_text("")
    assert stage.run() == []
    assert stage.content() == before
    assert not (stage.folder / "svd").exists()
    assert not (stage.folder / "knn/mnist").exists()
    assert not (stage.folder / "empty").exists()
    assert outside.exists()


def test_a_stage_of_one_data_set_leaves_the_others_alone(workplace):
    """Its folder is the data set's own; see `pipeline.cell_folder`."""
    whole = Stage(workplace, ".parquet")
    whole.run()
    knn = [job for job in whole.jobs if (job.method, job.dataset) == ("knn", "ring")]
    run_cells(make, [(job, whole.log, {}) for job in knn], whole.folder / "knn/ring", "s", "train")
    assert whole.current() == whole.names()


def test_the_count_of_finished_jobs_is_told(stage, capsys):
    stage.run()
    assert "already" not in capsys.readouterr().err
    stage.run()
    assert capsys.readouterr().err == "train: 6 of 6 jobs are done already\n"
    note_of(stage.jobs[5]).unlink()
    stage.run()
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "train: 5 of 6 jobs are done already"
    assert said[1].startswith("train: 1 job(s) in ")


def timings(workplace):
    read = pd.read_csv(workplace / "reports/timings.csv")
    return {(row.dataset, row.method, row.metric): (row.mean, row.replicates) for row in read.itertuples()}


def test_seconds_are_recorded_for_each_cell(stage, workplace):
    stage.run()
    assert timings(workplace) == {(*cell, "fit_seconds"): (1.5, 2) for cell in CELLS}
    # Of a cell in which some jobs were done already: those of the others.
    note_of(stage.jobs[1]).unlink()
    stage.run()
    assert timings(workplace)[*CELLS[0], "fit_seconds"] == (2.0, 1)
    assert timings(workplace)[*CELLS[1], "fit_seconds"] == (1.5, 2)


def test_a_stage_without_jobs_empties_its_folder(stage, workplace):
    stage.run()
    stage.jobs = []
    assert stage.run() == []
    assert not list(stage.folder.iterdir())


def test_the_order_of_jobs_is_that_of_the_work(workplace):
    stage = Stage(workplace, ".parquet")
    stage.run()
    written = sorted(stage.jobs, key=lambda job: note_of(job).stat().st_mtime_ns)
    assert [name(job) for job in written] == [name(job) for job in stage.jobs]
