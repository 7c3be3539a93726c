// SPDX-License-Identifier: Apache-2.0
// Runs in the page, and returns each text whose contrast is less than WCAG 2.2 level AA wants (1.4.3): 4.5, or 3 where
// it is large. Colors are those that the browser computed, over the backgrounds that lie behind.
const parse = (color) => {
  const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
};
const over = (top, below) => ({
  r: top.r * top.a + below.r * (1 - top.a),
  g: top.g * top.a + below.g * (1 - top.a),
  b: top.b * top.a + below.b * (1 - top.a),
  a: 1,
});
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
};
const luminance = ({ r, g, b }) => {
  const [red, green, blue] = [r, g, b].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const poor = [];
let texts = 0;
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()).join('');
  const text = own || (element.tagName === 'INPUT' ? element.placeholder : '');
  if (!text || !element.checkVisibility() || element.closest('noscript, script')) continue;
  texts += 1;
  const style = own ? getComputedStyle(element) : getComputedStyle(element, '::placeholder');
  const below = behind(element);
  const color = over({ ...parse(style.color), a: parse(style.color).a * Number(style.opacity) }, below);
  const [light, dark] = [luminance(color), luminance(below)].sort((a, b) => b - a);
  const ratio = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) poor.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)} in ${element.tagName}.${element.className}`);
}
return { texts, poor };
