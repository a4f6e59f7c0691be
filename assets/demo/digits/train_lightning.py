"""The same digits with PyTorch Lightning: its CSVLogger, and its TensorBoardLogger for the last."""

import logging
import pathlib
import warnings

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

HERE = pathlib.Path(__file__).resolve().parent
warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


class Digits(pl.LightningModule):
    def __init__(self, lr=1e-3, width=32, dropout=0.0, label_smoothing=0.0):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(
            torch.nn.Conv2d(1, width, 3), torch.nn.ReLU(), torch.nn.Conv2d(width, width, 3), torch.nn.ReLU(),
            torch.nn.Flatten(), torch.nn.Dropout(dropout), torch.nn.Linear(width * 16, 10),
        )
        self.loss = torch.nn.CrossEntropyLoss(label_smoothing=label_smoothing)

    def training_step(self, batch, _):
        loss = self.loss(self.net(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        logits = self.net(batch[0])
        self.log("val_loss", self.loss(logits, batch[1]))
        self.log("val_acc", (logits.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)


def main():
    data = load_digits()
    x = torch.tensor(data.images / 16.0, dtype=torch.float32)[:, None]
    y = torch.tensor(data.target)
    train, val = train_test_split(range(len(y)), test_size=0.2, random_state=7, stratify=data.target)
    train, val = TensorDataset(x[train], y[train]), TensorDataset(x[val], y[val])

    def fit(logger, **settings):
        pl.seed_everything(3, verbose=False)
        trainer = pl.Trainer(
            max_epochs=40, logger=logger, log_every_n_steps=5, accelerator="cpu", enable_progress_bar=False,
            enable_model_summary=False, enable_checkpointing=False, default_root_dir=str(HERE),
        )
        trainer.fit(Digits(**settings), DataLoader(train, 64, shuffle=True), DataLoader(val, 360))

    fit(CSVLogger(str(HERE)))
    fit(CSVLogger(str(HERE)), lr=3e-3, dropout=0.3)
    fit(CSVLogger(str(HERE)), lr=3e-3, width=64, dropout=0.3, label_smoothing=0.1)
    fit(TensorBoardLogger(str(HERE)), lr=1e-3, width=64)


if __name__ == "__main__":
    main()
