/** Words of the panel that shows what the network reads from its memory. */
import type { Translations } from "./language";

const en = {
  title: "Memory",
  label: "why the network thinks so: what it reads from its memory",
  heading: "Why the network thinks so",
  explanation:
    "The network compares the picture with frames it remembers. The bars show how its attention is shared among them; the mark is an even share.",
  waiting: "Asking the network…",
  selfRead: "The memory is empty: the picture is compared with itself.",
  stale: "No news from the network; what is shown here is not current.",
  notTold: "This model does not tell what it reads.",
  frames: (count: number) => (count === 1 ? "1 frame in memory" : `${count} frames in memory`),
  age: (seconds: string) => `${seconds} s ago`,
  share: (percent: string) => `${percent} %`,
  frameName: (age: string, share: string) => `Frame of ${age}, ${share} of the attention`,
  detail: (share: string, age: string, area: string) =>
    `${share} of the attention, seen ${age}; the mask covered ${area} of it`,
  chooseOne: "Choose a frame to see where in it the network looks.",
  mapNote: "Yellow: more attention than an even share. Blue: less.",
  noMap: "This engine tells the shares of whole frames only.",
};

export type MemoryWords = typeof en;

export const memoryWords: Translations<MemoryWords> = {
  en,
  de: {
    title: "Gedächtnis",
    label: "warum das Netz das meint: was es aus seinem Gedächtnis liest",
    heading: "Warum das Netz das meint",
    explanation:
      "Das Netz vergleicht das Bild mit Bildern, die es sich gemerkt hat. Die Balken zeigen, wie sich seine Aufmerksamkeit auf sie verteilt; der Strich ist ein gleicher Anteil.",
    waiting: "Das Netz wird gefragt …",
    selfRead: "Das Gedächtnis ist leer: Das Bild wird mit sich selbst verglichen.",
    stale: "Nichts Neues vom Netz; was hier steht, ist nicht aktuell.",
    notTold: "Dieses Modell sagt nicht, was es liest.",
    frames: (count) => (count === 1 ? "1 Bild im Gedächtnis" : `${count} Bilder im Gedächtnis`),
    age: (seconds) => `vor ${seconds} s`,
    share: (percent) => `${percent} %`,
    frameName: (age, share) => `Bild ${age}, ${share} der Aufmerksamkeit`,
    detail: (share, age, area) =>
      `${share} der Aufmerksamkeit, gesehen ${age}; die Maske bedeckte ${area} davon`,
    chooseOne: "Ein Bild wählen, um zu sehen, wohin das Netz darin schaut.",
    mapNote: "Gelb: mehr Aufmerksamkeit als ein gleicher Anteil. Blau: weniger.",
    noMap: "Diese Rechenart nennt nur die Anteile ganzer Bilder.",
  },
  zh: {
    title: "记忆",
    label: "网络为何这样判断:它从记忆中读取什么",
    heading: "网络为何这样判断",
    explanation: "网络把当前画面与它记住的画面相比较。条形表示注意力在这些画面之间的分配;竖线为平均份额。",
    waiting: "正在询问网络…",
    selfRead: "记忆为空:当前画面与自身比较。",
    stale: "网络没有新消息;此处显示的不是当前内容。",
    notTold: "此模型不提供读取内容。",
    frames: (count) => `记忆中有 ${count} 帧`,
    age: (seconds) => `${seconds} 秒前`,
    share: (percent) => `${percent}%`,
    frameName: (age, share) => `${age}的画面,占注意力 ${share}`,
    detail: (share, age, area) => `占注意力 ${share},${age}看到;掩膜覆盖其 ${area}`,
    chooseOne: "选择一帧,查看网络注视其中何处。",
    mapNote: "黄色:高于平均份额;蓝色:低于平均份额。",
    noMap: "此计算方式只提供整帧的份额。",
  },
};
