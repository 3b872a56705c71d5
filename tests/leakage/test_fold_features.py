"""Features that differ by fold: whose folds they are, and whom the models behind them were trained on."""

import pytest
from emoflow import leakage
from emoflow.artifacts.fold_features import FoldFeatures
from emoflow.errors import LeakageError, ProtocolError
from emoflow.leakage import fold_features
from emoflow.protocols import assigned, protocol, select
from made_tables import LUNA_ONE_EACH, RAVDESS8, ravdess

TABLE = ravdess(LUNA_ONE_EACH)
PLAN = protocol("ravdess8.luna5", space=RAVDESS8, seed=7, known={}, waived=())
SELECTION = select(PLAN, TABLE)
ROLES = assigned(PLAN, SELECTION)
TRAIN = {
    fold: sorted(speaker.removeprefix("ravdess/") for speaker in rows["speaker"].unique())
    for fold, rows in ROLES[ROLES["role"] == "train"].groupby("fold")
}


def who(role: str, fold: int) -> str:
    [speaker] = ROLES.loc[(ROLES["fold"] == fold) & (ROLES["role"] == role), "speaker"].unique()
    return speaker


def declared(**changes) -> dict:
    usual = {"protocol": "ravdess8.luna5", "kind": "posteriors", "classes": list(SELECTION.classes)}
    usual |= {"training_speakers": TRAIN}
    return {("ravdess", "text"): FoldFeatures.model_validate(usual | changes)}


def check(given) -> None:
    fold_features.check(
        given, PLAN, folds=range(5), classes=SELECTION.classes, speakers={"ravdess": set(TABLE["speaker"])}
    )


def test_models_of_the_training_speakers_pass():
    for given in (declared(), declared(training_speakers={fold: [] for fold in range(5)})):
        check(given)
        [said] = fold_features.find(given, ROLES)
        assert (said.kind, said.severity) == ("fold-features", "info")
        assert ("trained on 3 speaker(s)" in said.explanation) == any(
            given["ravdess", "text"].training_speakers.values()
        )
        leakage.guard([said])


@pytest.mark.parametrize("prefix", ["", "ravdess/"])
@pytest.mark.parametrize("role", ["test", "validation"])
def test_a_model_that_heard_a_held_out_speaker_refuses_the_folds(role, prefix):
    name = prefix + who(role, 2).removeprefix("ravdess/")
    given = declared(training_speakers=TRAIN | {2: [*TRAIN[2], name]})
    check(given)
    _, found = fold_features.find(given, ROLES)
    assert (found.kind, found.severity, found.fold) == (f"model-heard-{role}", "critical", 2)
    assert found.count == ((ROLES["fold"] == 2) & (ROLES["role"] == role)).sum()
    with pytest.raises(LeakageError, match=f"trained on {who(role, 2)}, and they are in the {role}"):
        leakage.guard([found])
    [waived] = leakage.guard([found], waivers={found.kind: "nothing else was published"})
    assert waived.kind == found.kind


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "ravdess8.kfold5"}, r"of the folds of ravdess8\.kfold5; these are of ravdess8\.luna5"),
        ({"training_speakers": {fold: TRAIN[fold] for fold in range(4)}}, r"says nothing of fold 4"),
        (
            {"training_speakers": TRAIN | {5: []}},
            r"names fold 5; the folds of ravdess8\.luna5 are 0, 1, 2, 3, 4",
        ),
        ({"classes": sorted(SELECTION.classes)}, r"in its order: classes: \[neutral, calm"),
        ({"classes": ["anger", "neutral"]}, r"has the classes anger, neutral"),
        ({"training_speakers": TRAIN | {0: ["07"]}}, r"does not have: ravdess/07"),
    ],
)
def test_a_declaration_of_something_else_is_refused(changes, message):
    with pytest.raises(ProtocolError, match=message):
        check(declared(**changes))


def test_posteriors_name_no_unseen_class():
    plan = protocol("ravdess8.luna5.zero-calm", space=RAVDESS8, seed=7, known={}, waived=())
    given = declared(protocol=plan.id)
    with pytest.raises(ProtocolError, match="no use under a zero-shot protocol"):
        fold_features.check(
            given,
            plan,
            folds=range(5),
            classes=SELECTION.classes,
            speakers={"ravdess": set(TABLE["speaker"])},
        )
