//! Folders to runs: discovery, notify, polling where notify cannot see, cursors, back-pressure.
