//! Noise of keys and ciphertexts under a shared key: what the bounds say, measured.

