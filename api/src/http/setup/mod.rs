//! What is set up, as pages change it.
