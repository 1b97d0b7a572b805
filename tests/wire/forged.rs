//! Bytes made by an adversary, with the right checksums.
