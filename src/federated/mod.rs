//! Exact sums of encrypted updates: what federated learning adds up without reading it.
