package db

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// A query's rows become values of a type T: a struct whose fields are named by
// `db:"column"` tags or by their own name in lower case with underscores, those
// of embedded structs included, or a single column's type. How the fields of a
// type are set is worked out once; lists of a hundred rows are read often.

// setter stores what the engine returned for a column.
type setter func(to reflect.Value, from any) error

// field is a column's place in a type.
type field struct {
	index []int
	set   setter
}

// shape says how rows become values of a type.
type shape struct {
	single setter // for types that are one column
	fields map[string]field
}

var shapes sync.Map // reflect.Type to *shape

func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil // nothing else is stored
	}
	s := &shape{}
	if oneColumn(t) {
		set, err := setterOf(t)
		if err != nil {
			return nil, err
		}
		s.single = set
	} else {
		s.fields = map[string]field{}
		if err := s.addFields(t, nil); err != nil {
			return nil, err
		}
	}
	shapes.Store(t, s)
	return s, nil
}

var scannerType = reflect.TypeFor[sql.Scanner]()

func oneColumn(t reflect.Type) bool {
	return t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(scannerType)
}

func (s *shape) addFields(t reflect.Type, above []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int{}, above...), i)
		name, tagged := f.Tag.Lookup("db")
		switch {
		case name == "-":
			continue
		case f.Anonymous && !tagged && !oneColumn(f.Type):
			if err := s.addFields(f.Type, index); err != nil {
				return err
			}
			continue
		case !f.IsExported():
			continue
		case !tagged:
			name = snake(f.Name)
		}
		if _, taken := s.fields[name]; taken {
			continue // the outer field hides the embedded one, or comes first
		}
		set, err := setterOf(f.Type)
		if err != nil {
			set = func(reflect.Value, any) error { return err }
		}
		s.fields[name] = field{index, set}
	}
	return nil
}

// snake turns a field's name into a column's.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// setterOf returns what stores values in fields of the type.
func setterOf(t reflect.Type) (setter, error) {
	if reflect.PointerTo(t).Implements(scannerType) {
		return func(to reflect.Value, from any) error {
			return to.Addr().Interface().(sql.Scanner).Scan(from) // just asked
		}, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner, err := setterOf(t.Elem())
		return func(to reflect.Value, from any) error {
			if from == nil {
				to.SetZero()
				return nil
			}
			v := reflect.New(t.Elem())
			to.Set(v)
			return inner(v.Elem(), from)
		}, err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt, nil
	case reflect.Bool:
		return setBool, nil
	case reflect.Float32, reflect.Float64:
		return setFloat, nil
	case reflect.String:
		return setString, nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return setBytes, nil
		}
	case reflect.Interface:
		return func(to reflect.Value, from any) error {
			if from != nil {
				to.Set(reflect.ValueOf(from))
			}
			return nil
		}, nil
	default: // refused below
	}
	return nil, fmt.Errorf("values of type %s cannot be read from the database", t)
}

func mismatch(to reflect.Value, from any) error {
	if from == nil {
		return fmt.Errorf("NULL does not fit %s", to.Type())
	}
	return fmt.Errorf("%T does not fit %s", from, to.Type())
}

func setInt(to reflect.Value, from any) error {
	switch v := from.(type) {
	case int64:
		if to.OverflowInt(v) {
			return fmt.Errorf("%d does not fit %s", v, to.Type())
		}
		to.SetInt(v)
		return nil
	case bool:
		if v {
			to.SetInt(1)
		} else {
			to.SetInt(0)
		}
		return nil
	}
	return mismatch(to, from)
}

// setBool takes SQLite's 0 and 1 as well.
func setBool(to reflect.Value, from any) error {
	switch v := from.(type) {
	case bool:
		to.SetBool(v)
		return nil
	case int64:
		if v == 0 || v == 1 {
			to.SetBool(v == 1)
			return nil
		}
	}
	return mismatch(to, from)
}

func setFloat(to reflect.Value, from any) error {
	switch v := from.(type) {
	case float64:
		to.SetFloat(v)
		return nil
	case int64:
		to.SetFloat(float64(v))
		return nil
	}
	return mismatch(to, from)
}

func setString(to reflect.Value, from any) error {
	switch v := from.(type) {
	case string:
		to.SetString(v)
		return nil
	case []byte:
		to.SetString(string(v))
		return nil
	}
	return mismatch(to, from)
}

func setBytes(to reflect.Value, from any) error {
	switch v := from.(type) {
	case []byte:
		to.SetBytes(v)
		return nil
	case string:
		to.SetBytes([]byte(v))
		return nil
	case nil:
		to.SetZero()
		return nil
	}
	return mismatch(to, from)
}

// reader reads the rows of one query.
type reader struct {
	rows    *sql.Rows
	single  setter
	fields  []field // by column
	names   []string
	values  []any
	targets []any
}

func newReader(rows *sql.Rows, t reflect.Type) (*reader, error) {
	s, err := shapeOf(t)
	if err != nil {
		return nil, err
	}
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	r := &reader{rows: rows, single: s.single, names: names, values: make([]any, len(names)), targets: make([]any, len(names))}
	for i := range names {
		r.targets[i] = &r.values[i]
	}
	if s.single != nil {
		if len(names) != 1 {
			return nil, fmt.Errorf("%s is one column, the query has %d", t, len(names))
		}
		return r, nil
	}
	r.fields = make([]field, len(names))
	for i, n := range names {
		f, ok := s.fields[n]
		if !ok {
			return nil, fmt.Errorf("%s has no field for the column %q", t, n)
		}
		r.fields[i] = f
	}
	return r, nil
}

// read stores the present row in to.
func (r *reader) read(to reflect.Value) error {
	if err := r.rows.Scan(r.targets...); err != nil {
		return err
	}
	if r.single != nil {
		if err := r.single(to, r.values[0]); err != nil {
			return fmt.Errorf("column %s: %w", r.names[0], err)
		}
		return nil
	}
	for i, f := range r.fields {
		at := to
		for _, n := range f.index {
			at = at.Field(n)
		}
		if err := f.set(at, r.values[i]); err != nil {
			return fmt.Errorf("column %s: %w", r.names[i], err)
		}
	}
	return nil
}

// readAll returns at most limit rows, all when limit is 0, and closes rows.
func readAll[T any](rows *sql.Rows, limit int) (out []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	r, err := newReader(rows, reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	for (limit == 0 || len(out) < limit) && rows.Next() {
		var zero T
		out = append(out, zero)
		if err := r.read(reflect.ValueOf(&out[len(out)-1]).Elem()); err != nil {
			return nil, err
		}
	}
	return out, rows.Err()
}
