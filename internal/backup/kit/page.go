package kit

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"

	"github.com/boombuler/barcode/qr"
)

var page = template.Must(template.New("kit").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast recovery kit</title>
<style>
body { font: 11pt/1.45 system-ui, sans-serif; color: #111; background: #fff; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 16pt; margin: 0 0 .3rem; }
pre { font: 8.5pt/1.5 ui-monospace, monospace; border: 1px solid #999; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
svg { width: 62mm; height: 62mm; float: right; margin: 0 0 1rem 1rem; }
li { margin: .25rem 0; }
@media print { body { margin: 0; max-width: none; } }
</style>
<h1>Holdfast recovery kit</h1>
<p>Issued {{.Issued}} for the repository {{.Repository}}.</p>
{{.Code}}
<p><strong>With this page and the repository, everything in the instance can be read and brought back.</strong>
Without it, and without the server, nothing can. Keep it where neither the server nor the repository is: printed, in a safe.</p>
<ol>
<li>On an empty machine, put the text below into a file <code>kit.txt</code>, by typing or from the code on the right.</li>
<li>Set what reaches the repository, for S3: <code>HOLDFAST_S3_ENDPOINT</code>, <code>_REGION</code>, <code>_ACCESS_KEY</code>, <code>_SECRET_KEY</code>.</li>
<li><code>holdfast recover --from '{{.Location}}' --kit kit.txt</code></li>
<li><code>holdfast serve</code></li>
</ol>
<pre>{{.Text}}</pre>
<p>Once a year, try it: <code>holdfast recover</code> into an empty directory on another machine. A new kit does not end this one; <code>holdfast backup kit --revoke</code> does.</p>
</html>
`))

// Page returns the kit as a page to be printed, with a code that a camera reads.
func (k *Kit) Page() ([]byte, error) {
	text := k.Text()
	code, err := svg(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{
		"Issued": k.Issued.Format("2 January 2006"), "Repository": k.Repository, "Location": k.Location, "Text": text, "Code": code,
	})
	return b.Bytes(), err
}

// svg draws the text as a QR code.
func svg(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return "", fmt.Errorf("draw the code: %w", err)
	}
	size := code.Bounds().Dx()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg role="img" aria-label="The text of the kit as a code" viewBox="-4 -4 %d %d" shape-rendering="crispEdges"><path d="`, size+8, size+8)
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil // numbers only
}
