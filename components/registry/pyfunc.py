"""The published model as MLflow calls it; packed with it."""

import mlflow.pyfunc
import pandas as pd

from .inference import Predictor


class EmotionPyfunc(mlflow.pyfunc.PythonModel):
    """``predict`` takes and gives a pandas table: see ``inference.Predictor.table``."""

    def load_context(self, context) -> None:
        self.predictor = Predictor(context.artifacts["model"])

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        return self.predictor.table(model_input)
