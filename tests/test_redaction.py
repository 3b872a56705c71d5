"""No password reaches an error's text, wherever in a URI it stands."""

import pickle
import traceback

import pytest
from emoflow.errors import LineageError, PromotionConflict, redacted

SECRETS = {
    "http://me:hidden@mlflow.example:5000/api": "http://mlflow.example:5000/api",
    "https://hidden@mlflow.example": "https://mlflow.example",
    "postgresql+psycopg://me:hid/den@db.example/base": "postgresql+psycopg://db.example/base",
    "postgresql://me:hid@den@db.example/base?sslmode=require": "postgresql://db.example/base?sslmode=require",
    "postgresql:///base?user=me&password=hidden&host=/tmp": "postgresql:///base?user=me&password=***&host=/tmp",
    "host=db.example PASSWORD='hid den' dbname=base": "host=db.example PASSWORD=*** dbname=base",
    "https://s3.example/x?X-Amz-Signature=hidden": "https://s3.example/x?X-Amz-Signature=***",
}
PLAIN = [
    "http://127.0.0.1:5000/#/experiments/4/runs?tokens=32",
    "http://host.example:5000/who@where",
    "models:/emotion-emotion7@champion",
    "sqlite:///mlflow.db",
    "search.max_tokens=32 is not a parameter; write to me@example.org",
]


@pytest.mark.parametrize("uri", SECRETS)
def test_what_is_secret_is_left_out_of_every_error(uri):
    text = f"the server at {uri!s} does not answer"
    assert redacted(text) == f"the server at {SECRETS[uri]} does not answer"
    error = LineageError(text)
    pickled = pickle.loads(pickle.dumps(error))  # noqa: S301
    for shown in (str(error), repr(error), str(pickled), *traceback.format_exception(error)):
        assert "hid" not in shown and "den" not in shown
    assert "hid" not in str(PromotionConflict(uri))


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_not_secret_stays(text):
    assert redacted(text) == text
