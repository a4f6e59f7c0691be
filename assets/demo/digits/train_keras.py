"""Small convolutional nets on the digits with Keras, logged by its CSVLogger."""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "torch"
import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
layers = keras.layers


def build(kind):
    conv = [layers.Conv2D(16, 3, activation="relu"), layers.Conv2D(32, 3, activation="relu")]
    if kind == "batchnorm":
        conv = [layers.Conv2D(16, 3), layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(32, 3), layers.BatchNormalization(), layers.ReLU()]
    head = [layers.Flatten()] + ([layers.Dropout(0.4)] if kind == "dropout" else []) + [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([layers.Input((8, 8, 1))] + conv + head)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    data = load_digits()
    x = (data.images / 16.0).astype("float32")[..., None]
    x_train, x_val, y_train, y_val = train_test_split(x, data.target, test_size=0.2, random_state=7, stratify=data.target)
    (HERE / "keras").mkdir(exist_ok=True)
    for kind in sys.argv[1:] or ["baseline", "dropout", "batchnorm"]:
        keras.utils.set_random_seed(1)
        build(kind).fit(
            x_train, y_train, batch_size=64, epochs=60, verbose=0, validation_data=(x_val, y_val),
            callbacks=[keras.callbacks.CSVLogger(str(HERE / "keras" / f"{kind}.csv")), keras.callbacks.ReduceLROnPlateau(patience=6)],
        )


if __name__ == "__main__":
    main()
