//! Our SQLite: catalogue, series chunks, annotations, problems, preferences; migrations.
