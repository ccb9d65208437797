//go:build !race

package repo

// stride takes every step of the loops over every call.
const stride = 1
