package seed

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"

	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func (d *demo) remarks(ctx context.Context) error {
	for _, r := range remarks {
		w, ok := d.made[r.subject]
		if !ok {
			return fmt.Errorf("comment on %q: no such work package", r.subject)
		}
		if _, err := d.WorkPackages.Comment(ctx, d.actors[r.who], w.ID, r.text, false); err != nil {
			return fmt.Errorf("comment of %s on %q: %w", r.who, r.subject, err)
		}
	}
	return nil
}

// progress lets people note that they got on with their tasks.
func (d *demo) progress(ctx context.Context) error {
	const hours = 2 * 3600
	for _, w := range d.running {
		if w.RemainingSeconds == nil || *w.RemainingSeconds <= hours {
			continue
		}
		for _, who := range d.actors {
			if w.AssigneeID == nil || who.ID != *w.AssigneeID {
				continue
			}
			_, err := d.WorkPackages.Update(ctx, who, w.ID, workpackage.Patch{
				LockVersion: opt.Of(w.LockVersion), RemainingSeconds: opt.Ptr(*w.RemainingSeconds - hours),
			})
			if err != nil {
				return fmt.Errorf("progress on %q: %w", w.Subject, err)
			}
		}
	}
	return nil
}

func (d *demo) watchers(ctx context.Context) error {
	for _, w := range watching {
		wp, ok := d.made[w.subject]
		if !ok {
			return fmt.Errorf("watch %q: no such work package", w.subject)
		}
		if _, err := d.WorkPackages.Watch(ctx, d.actors[w.who], wp.ID, d.ids[w.who]); err != nil {
			return fmt.Errorf("%s watches %q: %w", w.who, w.subject, err)
		}
	}
	return nil
}

// files attaches a few small files, made here.
func (d *demo) files(ctx context.Context) error {
	chart, err := motorChart()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		who, subject, name, description string
		content                         io.Reader
	}{
		{"samuel", "Raise the frame", "delivery.md", "What comes when", strings.NewReader(deliveryNote)},
		{"elif", "Compare the offers for the timber frame", "offers.csv", "Three offers", strings.NewReader(offers)},
		{"aiko", "Park everything when the wind exceeds 60 km/h", "wind-limits.txt", "", strings.NewReader(windLimits)},
		{"jonas", "Replace the rotation motors", "motor-current.png", "Current during one turn of the dome", chart},
	} {
		w, ok := d.made[f.subject]
		if !ok {
			return fmt.Errorf("file for %q: no such work package", f.subject)
		}
		_, err := d.Attachments.Create(ctx, d.actors[f.who], attachment.Upload{
			FileName: f.name, Description: f.description, ContainerType: "WorkPackage", ContainerID: int64(w.ID),
		}, f.content)
		if err != nil {
			return fmt.Errorf("file %s: %w", f.name, err)
		}
	}
	return nil
}

const deliveryNote = `# Timber frame, delivery

| day | what | lorries |
| --- | --- | --- |
| Monday | sole plates, posts | 1 |
| Tuesday | trusses 1 to 8 | 2 |
| Thursday | trusses 9 to 14, purlins | 2 |

The gate is **3.8 m** wide; the longest truss is 11.2 m.
`

const offers = `supplier,price,weeks,remarks
Holzbau am Bach,148200,9,includes the crane
Nordic Timber Works,139900,12,without insulation
Carpenters' Cooperative,151000,8,local larch
`

const windLimits = `mean wind above 45 km/h   warn the observer
mean wind above 60 km/h   close the shutter and park
gusts above 80 km/h       close at once, cut the drives
reopen                    20 minutes below 40 km/h
`

// motorChart draws a made-up current over one turn of the dome.
func motorChart() (io.Reader, error) {
	const width, height = 480, 160
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{
		color.RGBA{0xFB, 0xFB, 0xF8, 0xFF}, color.RGBA{0x2F, 0x6F, 0xB3, 0xFF}, color.RGBA{0xD5, 0xD8, 0xDC, 0xFF},
	})
	for y := 20; y < height; y += 40 {
		for x := range width {
			img.SetColorIndex(x, y, 2)
		}
	}
	for x := range width {
		t := float64(x) / width * 2 * math.Pi
		top := height/2 - int(30*math.Sin(t)+12*math.Sin(5*t)+5*math.Sin(23*t))
		for y := top; y < top+3; y++ {
			img.SetColorIndex(x, y, 1)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("draw the chart: %w", err)
	}
	return &b, nil
}
