//! What the product can do: the command list with one body each, background jobs, the event stream.
