// Files that are pasted, dropped or chosen. They are sent at once; a mark in the text holds their place
// until they are there. Where what they belong to does not exist yet, the form takes them along.
class Files {
  constructor(editor) {
    this.editor = editor
    this.area = editor.areaTarget
    this.under = 0
  }

  pasted(e) {
    const data = e.clipboardData
    if (!data) return
    if (data.files.length && !data.getData("text/plain")) {
      e.preventDefault()
      return this.sendAll(data.files)
    }
    const link = data.getData("text/plain").trim(), text = chosen(this.area)
    if (!text || text.includes("\n") || !/^https?:\/\/\S+$/.test(link)) return
    e.preventDefault()
    put(this.area, this.area.selectionStart, this.area.selectionEnd, `[${text}](${link})`)
  }

  sendAll(files) {
    if (!this.editor.filesValue) return this.editor.say("none", {}, true)
    this.editor.write()
    for (const file of [...files]) this.send(file)
  }

  send(file) {
    const name = file.name || "image.png", picture = file.type.startsWith("image/")
    if (file.size > this.editor.mostValue) return this.editor.say("large", { name }, true)
    const mark = `${picture ? "!" : ""}[${name.replace(/[[\]\\]/g, "")} …${++marked}]()`
    put(this.area, this.area.selectionStart, this.area.selectionEnd, mark)
    this.under++
    const told = percent => this.editor.say("sending", { name, percent })
    told(0)
    const form = new FormData(), request = new XMLHttpRequest()
    form.append("by", this.editor.personValue)
    form.append("file", file, name)
    request.open("POST", this.editor.filesValue)
    request.setRequestHeader("Accept", "application/json")
    request.responseType = "json"
    request.upload.onprogress = e => { if (e.lengthComputable) told(Math.floor(100 * e.loaded / e.total)) }
    request.onloadend = () => this.answered(request, mark, name)
    request.send(form)
  }

  answered(request, mark, name) {
    this.under--
    const got = request.response
    if (request.status !== 201 || !got?.href) {
      this.replace(mark, "")
      if (got?.error) return this.editor.say(`${name}: ${got.error}`, {}, true)
      return this.editor.say(new URL(request.responseURL || location.href).pathname === "/login" ? "ended" : "failed", { name }, true)
    }
    if (this.editor.waitsValue) {
      const kept = document.createElement("input")
      Object.assign(kept, { type: "hidden", name: "attachment", value: got.id })
      this.editor.form.append(kept)
    }
    this.replace(mark, `${got.image ? "!" : ""}[${got.name.replace(/[[\]\\]/g, "\\$&")}](${got.href})`)
    this.editor.say("sent", { name: got.name })
  }

  // replace changes a mark wherever it is now, and leaves the caret to who types.
  replace(mark, text) {
    const at = this.area.value.indexOf(mark)
    if (at < 0) return
    this.area.setRangeText(text, at, at + mark.length, "preserve")
    this.area.dispatchEvent(new Event("input", { bubbles: true }))
  }

  hold(e) {
    if (!this.under) return
    e.preventDefault()
    e.stopImmediatePropagation()
    this.editor.say("wait", {}, true)
  }
}

let marked = 0
