// Package opt tells an absent value from a given one, which a patch needs:
// leaving a field alone, clearing it and setting it are three different things.
// A field that can be cleared is an opt.Value of a pointer.
package opt

import "slices"

// Value is a value that may be absent. The zero value is absent.
type Value[T any] struct {
	Set bool
	V   T
}

// Of returns a present value.
func Of[T any](v T) Value[T] { return Value[T]{Set: true, V: v} }

// Ptr returns a present pointer value, for fields that can be cleared.
func Ptr[T any](v T) Value[*T] { return Value[*T]{Set: true, V: &v} }

// Null returns a present, empty pointer value: the field is to be cleared.
func Null[T any]() Value[*T] { return Value[*T]{Set: true} }

// Or returns the value when present, else the fallback.
func (v Value[T]) Or(fallback T) T {
	if v.Set {
		return v.V
	}
	return fallback
}

// Back is the value to, absent where it is what there is now: what a patch sets to
// bring something back.
func Back[T comparable](now, to T) Value[T] {
	if now == to {
		return Value[T]{}
	}
	return Of(to)
}

// BackPtr is Back for fields that can be cleared.
func BackPtr[T comparable](now, to *T) Value[*T] {
	if now == to || now != nil && to != nil && *now == *to {
		return Value[*T]{}
	}
	return Of(to)
}

// BackAll is Back for lists.
func BackAll[T comparable](now, to []T) Value[[]T] {
	if slices.Equal(now, to) {
		return Value[[]T]{}
	}
	return Of(to)
}
