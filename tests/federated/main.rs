mod shared;
