//go:build !race

package archive_test

// stride takes every step of the loops over every call.
const stride = 1
