//go:build !race

package backup_test

// stride takes every step of the loops over every call.
const stride = 1
