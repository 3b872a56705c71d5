"""A document and a table of columns: what is written is read, and anything else is refused by name."""

import json
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from documents import protocol, verdict
from emoflow.artifacts.document import SCHEMA, Document, Part, Table
from emoflow.artifacts.folds import FOLDS, Folds
from emoflow.artifacts.validation import Verdict
from emoflow.errors import ArtifactError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Size(Part):
    name: str
    count: int


class Sizes(Document):
    PATH: ClassVar[str] = "data/{corpus}/sizes.json"
    STAGE: ClassVar[str] = "measure@{corpus}"
    VERSION: ClassVar[int] = 3

    title: str
    mean: float | None
    by_fold: dict[int, list[Size]]


SIZES = Sizes(title="Größen", mean=0.5, by_fold={0: [Size(name="train", count=4)]})
AGAIN = "dvc repro -f measure@own"

names = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.builds(
    Sizes,
    title=names,
    mean=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    by_fold=st.dictionaries(
        st.integers(), st.lists(st.builds(Size, name=names, count=st.integers()), max_size=3), max_size=3
    ),
)


def put(root: Path, content: str | bytes) -> Path:
    path = Sizes.path(root, corpus="own")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def put_changed(root: Path, **changes) -> Path:
    return put(root, json.dumps(SIZES.to_dict() | changes))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=documents)
def test_a_document_is_read_as_it_was_written(tmp_path, document):
    path = document.write(tmp_path, corpus="own")
    assert path == tmp_path / "data/own/sizes.json"
    assert Sizes.read(tmp_path, corpus="own") == document
    assert Sizes.read_file(path) == document
    before = path.read_bytes()
    document.write(tmp_path, corpus="own")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("document", "kind", "corpus"), [(protocol(count=2), Folds, ""), (verdict("own"), Verdict, "own")]
)
def test_the_stages_own_documents_are_read_as_they_were_written(tmp_path, document, kind, corpus):
    document.write(tmp_path, corpus=corpus)
    assert kind.read(tmp_path, corpus=corpus) == document


def test_a_missing_document_names_the_stage_that_writes_it(tmp_path):
    with pytest.raises(
        ArtifactError, match=r"own/sizes\.json does not exist; make it: dvc repro measure@own"
    ):
        Sizes.read(tmp_path, corpus="own")


@pytest.mark.parametrize("content", ["", '{"title": ', b"\xff\xfe", "not JSON"])
def test_what_is_not_json_is_refused(tmp_path, content):
    path = put(tmp_path, content)
    with pytest.raises(ArtifactError, match=rf"sizes\.json is not JSON .*{AGAIN}"):
        Sizes.read(tmp_path, corpus="own")
    assert path.exists()  # reading removes nothing


@pytest.mark.parametrize("version", [2, 4, "3", None])
def test_another_schema_version_is_refused_by_number(tmp_path, version):
    put_changed(tmp_path, **{SCHEMA: version})
    with pytest.raises(ArtifactError, match=rf"has {SCHEMA} {version}, and this version of emoflow reads 3"):
        Sizes.read(tmp_path, corpus="own")


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}"])
def test_json_without_a_schema_version_is_refused(tmp_path, content):
    put(tmp_path, content)
    with pytest.raises(ArtifactError, match=f"has {SCHEMA} None"):
        Sizes.read(tmp_path, corpus="own")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"median": 1.0}, "median: Extra inputs are not permitted"),
        (
            {"by_fold": {"0": [{"name": "train", "count": 4, "share": 1}]}},
            r"by_fold\.0\.0\.share: Extra inputs",
        ),
        ({"title": 3}, "title: Input should be a valid string"),
        ({"by_fold": {"first": []}}, r"by_fold\.first\.\[key\]: Input should be a valid integer"),
    ],
)
def test_an_unknown_or_mistyped_field_is_named(tmp_path, changes, field):
    put_changed(tmp_path, **changes)
    with pytest.raises(ArtifactError, match=rf"is not a valid Sizes: {field}.*{AGAIN}"):
        Sizes.read(tmp_path, corpus="own")


def test_a_missing_field_is_named(tmp_path):
    content = SIZES.to_dict()
    del content["mean"]
    put(tmp_path, json.dumps(content))
    with pytest.raises(ArtifactError, match="is not a valid Sizes: mean: Field required"):
        Sizes.read(tmp_path, corpus="own")


def test_a_document_is_immutable():
    with pytest.raises(ValueError, match="frozen"):
        SIZES.title = "another"


TABLE = Table("data/{corpus}.parquet", ("fold", "label"), "measure@{corpus}")
ROWS = pd.DataFrame({"fold": [0, 1], "label": ["anger", "neutral"], "more": [0.5, None]})


def test_a_table_is_read_as_it_was_written_and_may_have_more_columns(tmp_path):
    assert TABLE.write(ROWS, tmp_path, corpus="own") == tmp_path / "data/own.parquet"
    read = TABLE.read(tmp_path, corpus="own")
    pd.testing.assert_frame_equal(read, ROWS.astype({"label": "str"}))
    assert list(TABLE.read(tmp_path, corpus="own", columns=["label"]).columns) == ["label"]


def test_a_missing_table_names_the_stage_that_writes_it(tmp_path):
    with pytest.raises(ArtifactError, match=r"own\.parquet does not exist; make it: dvc repro measure@own"):
        TABLE.read(tmp_path, corpus="own")


@pytest.mark.parametrize("asked", [None, ["label"]])
def test_a_table_that_lacks_a_column_is_refused_whatever_is_asked_of_it(tmp_path, asked):
    older = Table(TABLE.location, ("label",), TABLE.stage)
    older.write(ROWS[["label", "more"]], tmp_path, corpus="own")
    with pytest.raises(ArtifactError, match=rf"own\.parquet lacks the columns fold: .*{AGAIN}"):
        TABLE.read(tmp_path, corpus="own", columns=asked)


def test_a_table_that_lacks_a_column_is_not_written(tmp_path):
    with pytest.raises(
        ArtifactError, match=r"folds\.parquet .* without the columns label, role, speaker, utt"
    ):
        FOLDS.write(ROWS[["fold"]], tmp_path)
    assert not FOLDS.path(tmp_path).exists()
