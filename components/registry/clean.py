"""Load a downloaded model and predict, in a process that knows nothing of this repository.

Run as ``python -I clean.py JOB OUT``, in another folder. JOB is JSON: ``{"model", "cases": [{"name", "rows": [{column:
text | number list | {"base64": …} | null}]}]}``, ``model`` being the model's folder. OUT gets the predictions of each
case, and the modules of ours that were loaded under their own name, of which there must be none.
"""

import base64
import json
import sys
from pathlib import Path


def main(job_path: str, out_path: str) -> None:
    import mlflow
    import pandas as pd

    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    # its warnings compare every installed distribution with the pins, for a second, and nobody reads them here
    model = mlflow.pyfunc.load_model(job["model"], suppress_warnings=True)
    cases = []
    for case in job["cases"]:
        rows = [{name: _value(value) for name, value in row.items()} for row in case["rows"]]
        frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in rows[0]})
        found = model.predict(frame)
        cases.append(
            {"name": case["name"], "rows": json.loads(found.to_json(orient="records", double_precision=15))}
        )
    ours = sorted(name for name in sys.modules if name.split(".")[0] == "emoflow")
    Path(out_path).write_text(json.dumps({"cases": cases, "ours": ours}), encoding="utf-8")


def _value(value):
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


if __name__ == "__main__":
    main(*sys.argv[1:])
