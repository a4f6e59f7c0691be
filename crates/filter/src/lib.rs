//! The filter language: text to tree to verdict, with completion and errors that point at the column.
