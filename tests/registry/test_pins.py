"""Which differences between a model's pins and the installed versions are worth a word."""

from importlib.metadata import version

from emoflow.registry.pins import other_versions


def test_packages_that_compute_are_compared_and_named(tmp_path):
    requirements = tmp_path / "requirements.txt"
    torch, numpy = (version(name).partition("+")[0] for name in ("torch", "numpy"))
    requirements.write_text(f"numpy==0.1\npandas==0.1\nsoxr-of-nobody==1.0\ntorch=={torch}\n")
    assert other_versions(requirements) == [
        f"numpy 0.1 (here {numpy})",
        "soxr-of-nobody 1.0 (here not installed)",
    ]
