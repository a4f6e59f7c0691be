//! Series to SVG and PNG with plotters, from the same tokens as the UI.
