//! W&B's run directories: real samples, cuts at any byte, damage, replacement, and what is never told.

#[path = "wandb/cuts.rs"]
mod cuts;
#[path = "wandb/damage.rs"]
mod damage;
#[path = "wandb/meaning.rs"]
mod meaning;
#[path = "wandb/samples.rs"]
mod samples;
#[path = "wandb/told.rs"]
mod told;
#[path = "wandb/write.rs"]
mod write;
