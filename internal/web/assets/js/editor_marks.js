// What buttons and keys do to the text. The browser types, so that it can take each step back.
const chosen = area => area.value.slice(area.selectionStart, area.selectionEnd)

const put = (area, from, to, text, start = from + text.length, end = start) => {
  area.focus()
  area.setSelectionRange(from, to)
  if ((text || from !== to) && !document.execCommand(text ? "insertText" : "delete", false, text)) {
    area.setRangeText(text, from, to, "end")
    area.dispatchEvent(new Event("input", { bubbles: true }))
  }
  area.setSelectionRange(start, end)
}

// around puts a mark on both sides of what is chosen, or takes it away again.
const around = mark => area => {
  let { selectionStart: from, selectionEnd: to, value } = area
  while (from < to && /\s/.test(value[from])) from++
  while (to > from && /\s/.test(value[to - 1])) to--
  const n = mark.length, text = value.slice(from, to)
  if (value.slice(from - n, from) === mark && value.slice(to, to + n) === mark && value[from - n - 1] !== mark[0]) return put(area, from - n, to + n, text, from - n, to - n)
  put(area, from, to, mark + text + mark, from + n, to + n)
}

// before puts a mark before each of the chosen lines, or takes it away again.
const before = (mark, known) => area => {
  const { selectionStart: from, selectionEnd: to, value } = area
  const start = value.lastIndexOf("\n", from - 1) + 1
  let end = value.indexOf("\n", Math.max(from, to - 1))
  if (end < 0) end = value.length
  const lines = value.slice(start, end).split("\n")
  const on = lines.every(line => known.test(line))
  const text = lines.map((line, i) => on ? line.replace(known, "") : mark.replace("1", i + 1) + line.replace(/^(#{1,6} |[-*+] (\[[ x]\] )?|\d+[.)] )/, "")).join("\n")
  put(area, start, end, text, from === to ? start + text.length : start, start + text.length)
}

const marks = {
  bold: around("**"),
  italic: around("_"),
  heading: before("## ", /^#{1,6} /),
  list: before("- ", /^[-*+] (?!\[[ x]\] )/),
  numbers: before("1. ", /^\d+[.)] /),
  tasks: before("- [ ] ", /^[-*+] \[[ x]\] /),
  quote: before("> ", /^> ?/),
  code: area => {
    const { selectionStart: from, selectionEnd: to } = area, text = chosen(area)
    text.includes("\n") ? put(area, from, to, "```\n" + text + "\n```", from + 4, to + 4) : around("`")(area)
  },
  link: area => {
    const from = area.selectionStart, text = chosen(area)
    if (/^https?:\/\/\S+$/.test(text)) return put(area, from, area.selectionEnd, `[](${text})`, from + 1)
    const at = from + text.length + 3
    put(area, from, area.selectionEnd, `[${text}](https://)`, text ? at : from + 1, text ? at + 8 : from + 1)
  },
}

// goOn carries a list on in the next line; an empty entry ends it.
const goOn = area => {
  const { selectionStart: at, selectionEnd, value } = area
  if (at !== selectionEnd) return false
  const start = value.lastIndexOf("\n", at - 1) + 1
  const m = /^(\s*)([-*+] (?:\[[ x]\] )?|(\d+)([.)]) |> )(.*)$/.exec(value.slice(start, at))
  if (!m) return false
  if (!m[5]) return put(area, start, at, "") ?? true
  const mark = m[3] ? `${Number(m[3]) + 1}${m[4]} ` : m[2].replace("[x]", "[ ]")
  return put(area, at, at, "\n" + m[1] + mark) ?? true
}
