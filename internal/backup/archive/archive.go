// Package archive writes and restores backups.
//
// An archive is one ZIP file with every row in canonical, engine-neutral text
// and every attached file, sealed with digests and a signature. The format is
// docs/backup-format.md.
//
// Create reads one snapshot of the database, so that writers go on meanwhile,
// and then the files that the snapshot names. Nothing is left out silently: a
// file that cannot be read makes the archive incomplete and is named in it.
//
// Open checks a whole archive before anything of it is used. Restore builds the
// new state beside the live one, proves it equal to the archive, keeps a copy
// of the present, and switches in one step; Recover settles what a crash left.
//
// This is the one package outside the slices that writes all tables: a restore
// puts rows back as they were, and must not be journaled, validated or notified.
package archive
