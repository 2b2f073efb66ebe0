//! A mapping of names to texts, in which a name may stand alone (`{SSL: }`).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Texts by name; `None` for a name without one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Named(pub(crate) BTreeMap<String, Option<String>>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Named, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Named;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((name, text)) = map.next_entry::<String, Option<String>>()? {
                    all.insert(name, text);
                }
                Ok(Named(all))
            }
        }
        // Not as a map: there an entry without a value is no entry.
        d.deserialize_any(Entries)
    }
}
