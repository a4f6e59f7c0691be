//! TensorBoard event files: real samples, cuts at any byte, damage, replacement, and every encoding.

#[path = "tensorboard/cuts.rs"]
mod cuts;
#[path = "tensorboard/damage.rs"]
mod damage;
#[path = "tensorboard/directory.rs"]
mod directory;
#[path = "tensorboard/meaning.rs"]
mod meaning;
#[path = "tensorboard/samples.rs"]
mod samples;
#[path = "tensorboard/told.rs"]
mod told;
