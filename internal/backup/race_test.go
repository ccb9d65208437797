//go:build race

package backup_test

// stride leaves out most steps of the loops over every call: the race detector
// sees the same code in each of them, and scripts/test runs all without it.
const stride = 11
