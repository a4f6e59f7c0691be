//! Pure numbers: chunk codec, min/max pyramid, line resolution, decimation, smoothing.
