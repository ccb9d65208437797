// Package arch holds no code: its tests keep the shape of the repository.
//
// They enforce the ladder of imports, the owner of each table, the pairing of
// migrations and a few rules about documents. When one fails, it says which
// table to extend or which import to turn around.
package arch
