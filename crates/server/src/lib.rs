//! The HTTP edge on loopback: the same UI for a machine without a display, behind a token.
