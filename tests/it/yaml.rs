//! YAML loading: what a text means, and what is said about a text that is wrong.
