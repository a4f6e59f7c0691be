//! Arrays of any length as sequences: serde itself knows them up to 32.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde::{Serialize, Serializer};

pub fn serialize<S: Serializer, T: Serialize, const N: usize>(array: &[T; N], to: S) -> Result<S::Ok, S::Error> {
    array.as_slice().serialize(to)
}

pub fn deserialize<'de, D: Deserializer<'de>, T: DeserializeOwned, const N: usize>(
    from: D,
) -> Result<[T; N], D::Error> {
    let values = Vec::<T>::deserialize(from)?;
    let n = values.len();
    values.try_into().map_err(|_| D::Error::custom(format!("{n} values for {N}")))
}
