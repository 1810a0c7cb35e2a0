/**
 * What the server says of the AI and the sources, in other languages. It speaks English; what is not known
 * here is shown as it comes. Each `{}` stands for words of the moment, which are looked up too.
 * `tests/unit/server/test_translated_reasons.py` holds the first column against the server's source.
 */
import type { Language } from "./language";

interface Phrase {
  readonly en: string;
  readonly de: string;
  readonly zh: string;
}

const PHRASES: readonly Phrase[] = [
  // The AI's state.
  { en: "starting the AI", de: "die KI wird gestartet", zh: "正在启动 AI" },
  { en: "warming up the AI", de: "die KI wird warm", zh: "AI 正在预热" },
  { en: "waiting for the first picture", de: "wartet auf das erste Bild", zh: "等待第一帧画面" },
  { en: "waiting for the first mask", de: "wartet auf die erste Maske", zh: "等待第一个掩膜" },
  { en: "masks come too late to be shown", de: "Masken kommen zu spät, um gezeigt zu werden", zh: "掩膜来得太晚,无法显示" },
  { en: "no picture reaches the AI", de: "kein Bild erreicht die KI", zh: "没有画面到达 AI" },
  { en: "no pictures from the source", de: "keine Bilder von der Quelle", zh: "信号源没有画面" },
  { en: "masks for {} of {} pictures a second", de: "Masken für {} von {} Bildern je Sekunde", zh: "每秒 {2} 帧画面中 {1} 帧有掩膜" },
  { en: "this machine is slow: about {} of {} pictures a second", de: "dieser Rechner ist langsam: etwa {} von {} Bildern je Sekunde", zh: "本机较慢:每秒 {2} 帧中约处理 {1} 帧" },
  { en: "internal fault ({})", de: "innerer Fehler ({})", zh: "内部故障({})" },
  { en: "worker lost ({}), restarting", de: "Rechenprozess verloren ({}), startet neu", zh: "计算进程已丢失({}),正在重启" },
  { en: "killed by {}", de: "beendet durch {}", zh: "被 {} 终止" },
  { en: "exited with status {}", de: "beendet mit Status {}", zh: "以状态 {} 退出" },
  { en: "no progress for {} s", de: "kein Fortschritt seit {} s", zh: "{} 秒没有进展" },
  { en: "not ready after {} s", de: "nicht bereit nach {} s", zh: "{} 秒后仍未就绪" },
  { en: "silent for {} ms", de: "schweigt seit {} ms", zh: "{} 毫秒没有应答" },
  { en: "its connection ended", de: "seine Verbindung endete", zh: "其连接已断开" },
  // What the picture shows.
  { en: "{}: no masks", de: "{}: keine Masken", zh: "{}:不显示掩膜" },
  { en: "outside the body", de: "außerhalb des Körpers", zh: "在体外" },
  { en: "the tower sends no signal", de: "kein Signal vom Turm", zh: "主机无信号" },
  { en: "the tower sends a test picture", de: "der Turm sendet ein Testbild", zh: "主机正在发送测试图" },
  { en: "the picture is frozen", de: "das Bild steht", zh: "画面已冻结" },
  { en: "the picture is blank", de: "das Bild ist leer", zh: "画面空白" },
  { en: "other imaging than white light: not validated", de: "kein Weißlicht: dafür nicht geprüft", zh: "非白光成像:未经验证" },
  { en: "view poor: {}", de: "schlechte Sicht: {}", zh: "视野不佳:{}" },
  { en: "blurred", de: "unscharf", zh: "模糊" },
  { en: "dark", de: "dunkel", zh: "过暗" },
  { en: "instrument in view", de: "Instrument im Bild", zh: "视野内有器械" },
  { en: "washed out", de: "überstrahlt", zh: "过曝" },
  // Sources.
  { en: "the demo scene is being rendered", de: "die Vorführszene wird berechnet", zh: "正在渲染演示场景" },
  { en: "rendering the demo scene", de: "die Vorführszene wird berechnet", zh: "正在渲染演示场景" },
  { en: "rendering the demo scene {} %", de: "die Vorführszene wird berechnet: {} %", zh: "正在渲染演示场景:{}%" },
  { en: "the video has ended", de: "das Video ist zu Ende", zh: "视频已播放完毕" },
  { en: "waiting for a publisher", de: "wartet auf einen Sender", zh: "等待推流端" },
  { en: "the publisher went silent", de: "der Sender schweigt", zh: "推流端没有数据" },
  { en: "waiting for a program that pushes frames", de: "wartet auf ein Programm, das Bilder schickt", zh: "等待推送画面的程序" },
  { en: "waiting for the program's first frame", de: "wartet auf das erste Bild des Programms", zh: "等待程序的第一帧画面" },
  { en: "the program pushes no frames", de: "das Programm schickt keine Bilder", zh: "程序没有推送画面" },
  { en: "no picture for {} s", de: "kein Bild seit {} s", zh: "{} 秒没有画面" },
  { en: "{} went silent", de: "{} schweigt", zh: "{} 没有数据" },
  { en: "{} ended the stream", de: "{} hat den Strom beendet", zh: "{} 结束了流" },
  { en: "{} broke off ({})", de: "{} brach ab ({})", zh: "{} 中断({})" },
  { en: "{} sends no video within {} s", de: "{} sendet innerhalb von {} s kein Video", zh: "{1} 在 {2} 秒内没有发送视频" },
  { en: "{} does not answer within {} s", de: "{} antwortet nicht innerhalb von {} s", zh: "{1} 在 {2} 秒内没有应答" },
  { en: "{} cannot be reached ({})", de: "{} ist nicht erreichbar ({})", zh: "无法连接 {}({})" },
  { en: "{} cannot be reached: nothing listens at that host and port", de: "{} ist nicht erreichbar: dort nimmt niemand Verbindungen an", zh: "无法连接 {}:该主机和端口无人监听" },
  { en: "{} cannot be reached: no host is known by the name {}", de: "{} ist nicht erreichbar: kein Rechner heißt {}", zh: "无法连接 {}:找不到主机 {}" },
  { en: "{}: the server has no stream at this path", de: "{}: der Server hat unter diesem Pfad keinen Strom", zh: "{}:服务器在此路径没有流" },
  { en: "{}: the server refused ({})", de: "{}: der Server lehnte ab ({})", zh: "{}:服务器拒绝({})" },
  { en: "{}: this user may not see the stream (403)", de: "{}: dieser Benutzer darf den Strom nicht sehen (403)", zh: "{}:此用户无权查看该流(403)" },
  { en: "{} has no video", de: "{} hat kein Video", zh: "{} 没有视频" },
  { en: "{}: its video cannot be decoded", de: "{}: das Video lässt sich nicht dekodieren", zh: "{}:视频无法解码" },
  { en: "no such file: {}", de: "es gibt keine Datei {}", zh: "没有此文件:{}" },
  { en: "{} gives no picture; look whether its cable is plugged in and carries a signal", de: "{} gibt kein Bild; steckt das Kabel, und führt es ein Signal?", zh: "{} 没有画面;请检查线缆是否插好并有信号" },
  { en: "{} is not there; plug the capture device in (ls /dev/video* lists them)", de: "{} fehlt; das Aufnahmegerät anschließen (ls /dev/video* zeigt, was da ist)", zh: "{} 不存在;请接上采集设备(ls /dev/video* 可列出)" },
  { en: "{} is used by another program; end that program (fuser -v {} names it)", de: "{} wird von einem anderen Programm benutzt; dieses beenden (fuser -v {} nennt es)", zh: "{} 正被其他程序占用;请结束该程序(fuser -v {} 可查看)" },
];

type Translated = Exclude<Language, "en">;

/** Make a function that says a reason of the server in a language, as far as it is known here. */
export function createReasonTranslator(language: Translated): (reason: string) => string {
  const known = PHRASES.map((phrase) => ({ pattern: patternOf(phrase.en), text: phrase[language], weight: weightOf(phrase.en) }));
  // The phrase that says most in its own words fits best.
  known.sort((one, other) => other.weight - one.weight);

  const lookUp = (part: string): string | null => {
    for (const { pattern, text } of known) {
      const match = pattern.exec(part);
      if (match !== null) return fill(text, match.slice(1).map(translate));
    }
    return null;
  };
  const translate = (reason: string): string =>
    lookUp(reason) ?? reason.split("; ").map((part) => lookUp(part) ?? part).join("; ");
  return translate;
}

function weightOf(phrase: string): number {
  return phrase.replaceAll("{}", "").length;
}

/** `$` fits the whole part; what a `{}` stands for holds no second sentence. */
function patternOf(phrase: string): RegExp {
  const literals = phrase.split("{}").map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literals.join("((?:(?!; ).)+?)")}$`);
}

/** Put words in their places: `{}` in order, `{2}` by number. */
function fill(text: string, words: readonly string[]): string {
  let next = 0;
  return text.replace(/\{(\d?)\}/g, (_, number: string) => words[number === "" ? next++ : Number(number) - 1] ?? "");
}
