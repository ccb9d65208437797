package objstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Report is what Probe found out about a place.
type Report struct {
	// Findings are in the order of the checks.
	Findings []Finding
	// SingleWriter: the place does not keep two writers of one name apart, so only
	// one program may ever write to it at a time.
	SingleWriter bool
	// AppendOnly: the credentials may not delete, so pruning needs others.
	AppendOnly bool
	// Unfit: the place does not keep what backups rely on.
	Unfit bool
	// Skew is how far the clock of the place is ahead of ours.
	Skew time.Duration
}

// Finding is one check in a sentence for an administrator.
type Finding struct {
	Check string
	OK    bool
	Text  string
}

// Checks of Probe.
const (
	CheckWrite   = "write"
	CheckRead    = "read after write"
	CheckAbsent  = "put if absent"
	CheckRace    = "concurrent writers"
	CheckList    = "list after write"
	CheckRange   = "ranges"
	CheckDelete  = "delete"
	CheckClock   = "clock"
	probeSize    = 100_000
	probeWriters = 6
	probeRaces   = 3
	// probeSkew is the difference of clocks worth a warning.
	probeSkew = 5 * time.Minute
)

// Probe writes, reads, lists and deletes a few small objects to find out what a
// place can really do. An error means that it could not be found out, because
// the place cannot be reached, is full or refuses; the report has what was found
// until then. Nothing is left behind, where deleting is allowed.
func Probe(ctx context.Context, s Store) (Report, error) {
	p := &probe{s: s, base: "probe-" + randomName(), data: make([]byte, probeSize)}
	_, _ = rand.Read(p.data) // never fails
	err := p.run(ctx)
	return p.report, errors.Join(err, p.clean(ctx))
}

type probe struct {
	s      Store
	base   string
	data   []byte
	names  []string // of what may be there
	report Report
}

func (p *probe) run(ctx context.Context) error {
	for _, check := range []func(context.Context) error{
		p.write, p.read, p.ranges, p.absent, p.race, p.list, p.remove, p.clock,
	} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *probe) good(check, format string, a ...any) {
	p.report.Findings = append(p.report.Findings, Finding{check, true, fmt.Sprintf(format, a...)})
}

func (p *probe) bad(check, format string, a ...any) {
	p.report.Findings = append(p.report.Findings, Finding{check, false, fmt.Sprintf(format, a...)})
}

func (p *probe) unfit(check, format string, a ...any) {
	p.report.Unfit = true
	p.bad(check, format, a...)
}

// put remembers the name, so that it is cleaned up whatever becomes of the call.
func (p *probe) put(ctx context.Context, name string, data []byte) error {
	p.names = append(p.names, name)
	return p.s.Put(ctx, name, data)
}

func (p *probe) write(ctx context.Context) error {
	err := p.put(ctx, p.base, p.data)
	switch {
	case err == nil:
		p.good(CheckWrite, "Objects can be written.")
		return nil
	case errors.Is(err, ErrDamaged):
		p.unfit(CheckWrite, "An object was accepted, but is not in the place as it was sent.")
		return err
	case errors.Is(err, errNoCondition):
		p.report.SingleWriter = true
		p.bad(CheckAbsent, "The place refuses to write only where nothing is: it can be used with a single writer only, once it is set up so.")
		return err
	default:
		p.bad(CheckWrite, "Objects cannot be written: %v.", err)
		return err
	}
}

func (p *probe) read(ctx context.Context) error {
	info, err := p.s.Stat(ctx, p.base)
	var data []byte
	if err == nil {
		data, err = p.s.Get(ctx, p.base, probeSize)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		p.unfit(CheckRead, "An object that was just written is not found.")
	case errors.Is(err, ErrDamaged), err == nil && (info.Size != probeSize || !bytes.Equal(data, p.data)):
		p.unfit(CheckRead, "An object comes back with other bytes than were written.")
	case err == nil:
		p.good(CheckRead, "What was written is read back at once, with the same checksum.")
	default:
		p.bad(CheckRead, "Objects cannot be read: %v.", err)
		return err
	}
	return nil
}

func (p *probe) ranges(ctx context.Context) error {
	part := make([]byte, 1000)
	const from = probeSize / 2
	err := p.s.ReadAt(ctx, p.base, part, from)
	if err == nil && bytes.Equal(part, p.data[from:from+1000]) {
		err = p.s.ReadAt(ctx, p.base, part, probeSize-10)
		if errors.Is(err, ErrDamaged) {
			p.good(CheckRange, "Parts of an object can be read.")
			return nil
		}
	}
	if err != nil && (errors.Is(err, ErrUnavailable) || errors.Is(err, ErrDenied) || ctx.Err() != nil) {
		p.bad(CheckRange, "Parts of an object cannot be read: %v.", err)
		return err
	}
	p.unfit(CheckRange, "Asked for a part of an object, the place answers with something else.")
	return nil
}

// absent writes to a name that is taken.
func (p *probe) absent(ctx context.Context) error {
	err := p.put(ctx, p.base, []byte("another"))
	if err != nil && !errors.Is(err, ErrExists) {
		p.bad(CheckAbsent, "Writing to a taken name fails in an unexpected way: %v.", err)
		return err
	}
	data, gerr := p.s.Get(ctx, p.base, probeSize)
	if gerr != nil && !errors.Is(gerr, ErrDamaged) && !errors.Is(gerr, ErrNotFound) {
		return gerr
	}
	if err == nil || !bytes.Equal(data, p.data) && !p.report.Unfit {
		p.report.SingleWriter = true
		p.bad(CheckAbsent, "The place overwrites objects although it is asked not to: only one program may ever write to it.")
		return nil
	}
	p.good(CheckAbsent, "A name that is taken is not written again.")
	return nil
}

// race lets several writers go for the same name at once.
func (p *probe) race(ctx context.Context) error {
	for round := range probeRaces {
		name := fmt.Sprintf("%s-race-%d", p.base, round)
		p.names = append(p.names, name)
		won, err := p.contend(ctx, name)
		if err != nil {
			p.bad(CheckRace, "Several writers at once fail in an unexpected way: %v.", err)
			return err
		}
		data, err := p.s.Get(ctx, name, 1)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound) {
			return err
		}
		if len(won) != 1 || err != nil || data[0] != won[0] {
			p.report.SingleWriter = true
			p.bad(CheckRace, "Of %d writers of one name at once, %d were told that they had won: only one program may ever write to this place.",
				probeWriters, len(won))
			return nil
		}
	}
	p.good(CheckRace, "Of several writers of one name at once, exactly one wins.")
	return nil
}

// contend returns the writers that won.
func (p *probe) contend(ctx context.Context, name string) (won []byte, err error) {
	errs := make([]error, probeWriters)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = p.s.Put(ctx, name, []byte{byte(i)}) })
	}
	all.Wait()
	for i, e := range errs {
		if e == nil {
			won = append(won, byte(i))
		} else if !errors.Is(e, ErrExists) && !errors.Is(e, ErrDamaged) { // damaged: overwritten by the next
			err = e
		}
	}
	return won, err
}

func (p *probe) list(ctx context.Context) error {
	listed, err := p.listed(ctx)
	if err != nil {
		p.bad(CheckList, "Objects cannot be listed: %v.", err)
		return err
	}
	slices.Sort(p.names)
	p.names = slices.Compact(p.names)
	if len(listed) != len(p.names) || listed[0].Name != p.base || listed[0].Size == 0 {
		p.unfit(CheckList, "A list leaves out objects that were just written.")
		return nil
	}
	p.good(CheckList, "What was written is listed at once.")
	return nil
}

func (p *probe) listed(ctx context.Context) (listed []Info, err error) {
	err = p.s.List(ctx, p.base, func(i Info) error {
		listed = append(listed, i)
		return nil
	})
	return listed, err
}

func (p *probe) remove(ctx context.Context) error {
	err := p.s.Delete(ctx, p.base)
	if errors.Is(err, ErrDenied) {
		p.report.AppendOnly = true
		p.bad(CheckDelete, "Objects cannot be deleted with these credentials: old backups stay until others are used to prune. Probes named %s… are left.", p.base)
		return nil
	}
	var listed []Info
	if err == nil {
		listed, err = p.listed(ctx)
	}
	if err != nil {
		p.bad(CheckDelete, "Objects cannot be deleted: %v.", err)
		return err
	}
	_, err = p.s.Stat(ctx, p.base)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case err == nil, len(listed) > 0 && listed[0].Name == p.base:
		p.unfit(CheckDelete, "An object that was just deleted is still there.")
	default:
		p.good(CheckDelete, "Objects can be deleted, and are gone at once.")
	}
	return nil
}

func (p *probe) clock(ctx context.Context) error {
	now, err := p.s.Now(ctx)
	if err != nil {
		p.bad(CheckClock, "The clock of the place cannot be read: %v.", err)
		return err
	}
	p.report.Skew = time.Until(now).Round(time.Second)
	if p.report.Skew.Abs() > probeSkew {
		p.bad(CheckClock, "The clock of the place is %v %s that of this machine. Backups work, but one of the two should be set right.",
			p.report.Skew.Abs(), side(p.report.Skew))
		return nil
	}
	p.good(CheckClock, "The clock of the place and that of this machine agree to %v.", p.report.Skew.Abs())
	return nil
}

func side(d time.Duration) string {
	if d < 0 {
		return "behind"
	}
	return "ahead of"
}

// clean removes the probes, also when the caller has given up meanwhile.
func (p *probe) clean(ctx context.Context) error {
	if p.report.AppendOnly {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, name := range p.names {
		if err := p.s.Delete(ctx, name); err != nil {
			return fmt.Errorf("remove the probes named %s…: %w", p.base, err)
		}
	}
	return nil
}
