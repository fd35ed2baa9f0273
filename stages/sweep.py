"""Search a model's hyperparameters by the held-out bound (`study.search.sweep_spec`); say what came of it."""

from notmiwae.files import whole_file, whole_folder, write_json
from notmiwae.plot_style import save
from study.data.tables import write_csv
from study.run.pipeline import REPORTS, arguments, compute
from study.search.search_figures import figures
from study.search.search_results import markdown, summary, table
from study.search.sweep_spec import read_sweep
from study.search.trial_batches import run_sweep
from study.search.trial_storage import TRIALS, open_storage, storage_url


def main() -> None:
    arguments()
    sweep = read_sweep()
    url = storage_url(sweep.storage)
    storage = open_storage(url, TRIALS, sweep.name())
    trials = run_sweep(sweep, storage, url is not None, compute())
    found = table(sweep, trials)
    write_csv(found, REPORTS / "trials.csv")
    write_json(REPORTS / "summary.json", summary(sweep, trials))
    with whole_file(REPORTS / "best.md") as temporary:
        temporary.write_text(markdown(sweep, found), encoding="utf-8")
    with whole_folder(REPORTS / "figures") as folder:
        for name, drawn in figures(sweep, trials).items():
            save(drawn, folder / f"{name}.png")


main()
