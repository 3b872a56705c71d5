"""The fixed task of the search's benchmark, and what a user would write for it: a plain model, a plain loop."""

import torch
from emoflow.search.space import configurations, member_seed
from emoflow.training.data import Rows
from emoflow.training.members import Member
from emoflow.training.metrics import unweighted_recall
from torch import Tensor, nn

DIMENSIONS = {"audio": 88, "face": 35}
CLASSES, WIDTH, HEADS, FEED_FORWARD, DROPOUT = 7, 64, 4, 128, 0.1
ROWS, VALIDATION, BATCH, EPOCHS = 1100, 300, 64, 20
FIXED = {
    "single-stream": {"width": WIDTH, "heads": HEADS, "layers": 1},
    "early-concatenation": {"width": 2 * WIDTH, "layers": 1},
}
"""The strategy of emoflow that is the plain model's like, and what of its configuration does not vary."""


def rows(fold: int, *, validation: bool = False) -> Rows:
    """Rows whose class moves the mean of both modalities a little; a tenth of each modality is absent."""
    where = torch.Generator().manual_seed(0)
    generator = torch.Generator().manual_seed(2 * fold + validation)
    count = VALIDATION if validation else ROWS
    target = torch.randint(CLASSES, (count,), generator=generator)
    tokens, present = {}, {}
    for i, (name, size) in enumerate(DIMENSIONS.items()):
        centres = torch.randn(CLASSES, size, generator=where)
        tokens[name] = (0.3 * centres[target] + torch.randn(count, size, generator=generator))[:, None]
        present[name] = (torch.arange(count) % 20 != 10 * i).unsqueeze(-1)
    return Rows(tokens, present, target)


class Transformer(nn.Module):
    """Both modalities' tokens through one pre-norm layer of torch's own, their mean classified."""

    def __init__(self):
        super().__init__()
        self.project = nn.ModuleDict({name: nn.Linear(size, WIDTH) for name, size in DIMENSIONS.items()})
        self.layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, FEED_FORWARD, DROPOUT, activation="gelu", batch_first=True, norm_first=True
        )
        self.classify = nn.Linear(WIDTH, CLASSES)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
        x = torch.cat([self.project[name](tokens[name]) for name in DIMENSIONS], dim=1)
        there = torch.cat([present[name] for name in DIMENSIONS], dim=1)
        x = self.layer(x, src_key_padding_mask=~there) * there.unsqueeze(-1)
        return self.classify(x.sum(1) / there.sum(1, keepdim=True))


class Pooled(nn.Module):
    """Both modalities' features side by side, one hidden layer."""

    def __init__(self):
        super().__init__()
        hidden = 2 * WIDTH
        self.layers = nn.Sequential(
            nn.Linear(sum(DIMENSIONS.values()), hidden), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(hidden, CLASSES)
        )  # fmt: skip

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
        return self.layers(torch.cat([(tokens[m] * present[m].unsqueeze(-1))[:, 0] for m in DIMENSIONS], -1))


PLAIN = {"single-stream": Transformer, "early-concatenation": Pooled}


def members_of(strategy: str, count: int) -> list[Member]:
    """Configurations of one architecture with a seed each, which do what the plain loop does."""
    drawn = configurations(strategy, modalities=tuple(DIMENSIONS), count=count, seed=7)
    off = {"input_dropout": 0.0, "mixup": 0.0, "modality_dropout": 0.0, "unimodal_weight": 0.0}
    fixed = FIXED[strategy] | {"dropout": DROPOUT} | off
    return [Member(config | fixed, member_seed(7, i)) for i, config in enumerate(drawn)]


def train_plain(
    strategy: str, config: dict, *, fold: int, seed: int, epochs: int = EPOCHS, device: str = "cpu"
) -> float:
    """Validation UA after the last epoch, of the loop that everybody writes; scored after each epoch, as one does."""
    torch.manual_seed(seed)
    training, validation = rows(fold).to(device), rows(fold, validation=True).to(device)
    model = PLAIN[strategy]().to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config["learning_rate"], weight_decay=config["weight_decay"]
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=config["smoothing"])
    for _ in range(epochs):
        model.train()
        for index in torch.randperm(ROWS, device=device).split(BATCH):
            batch = training.at(index)
            optimizer.zero_grad()
            criterion(model(batch.tokens, batch.present), batch.target).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            ua = unweighted_recall(model(validation.tokens, validation.present), validation.target)
    return float(ua)
