"""How long each stage of an answer takes, timed from outside: what is packed with a model stays as it was published."""

from typing import Any

from ..errors import RegistryError
from ..evaluation.timing.stopwatch import AUDIO, Stopwatch, time_decoding, time_encoder

FUSE = "fuse"


def time_stages(predictor: Any, watch: Stopwatch) -> None:
    """Have a stopwatch time the stages of a model that is loaded.

    Stages are ``decode <modality>``, ``recognise text``, ``encode <modality>/<encoder>`` and ``fuse``, which is
    preparation and all members. Long recordings are decoded block by block while they are encoded; this counts as
    decoding.

    Args:
        predictor: the `inference.Predictor` of the package that is loaded, whose methods are replaced by timed ones.
        watch: the stopwatch.

    Raises:
        RegistryError: it was packed by an emoflow with other stages.
    """
    try:  # of the package, not of this module's `inference`: its parts are private, but they are all that can be timed
        encoders, tuned, recogniser = predictor._encoders, predictor._tuned, predictor._recogniser
    except AttributeError as error:
        raise RegistryError(
            f"this model was published by another version of emoflow, whose stages cannot be timed ({error}): publish "
            "it again with this one"
        ) from None
    for modality, of_modality in encoders.items():
        for each in of_modality:
            time_encoder(each, modality, watch)
            if each.name in tuned:
                own = tuned[each.name]
                own.encode = watch.timed(f"encode {modality}/{each.name}", own.encode)
    if recogniser:
        time_decoding(recogniser, AUDIO, watch)
        recogniser.words = watch.timed("recognise text", recogniser.words)
    predictor.probabilities = watch.timed(FUSE, predictor.probabilities)
