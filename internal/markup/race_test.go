//go:build race

package markup

// slowdown is what the race detector costs a parser, with room for a busy machine.
const slowdown = 10
