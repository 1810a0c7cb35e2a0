/** Chinese, simplified. */
import type { ShownAiState } from "../aiWatch";
import type { MatchMode } from "../frameMatcher";
import type { SourceRetry, SourceState } from "../messages";
import type { LineWidth, OverlayColor, OverlayStyle, ViewLayout } from "../overlayLook";
import type { Strings } from "./en";
import { createReasonTranslator } from "./serverReasons";

const aiStates: Record<ShownAiState, string> = {
  active: "AI 运行中",
  warming: "AI 准备中",
  late: "AI 延迟",
  paused: "AI 暂停",
  failed: "AI 故障",
  lost: "AI 失联",
};

const aiReasons: Record<ShownAiState, string> = {
  active: "",
  warming: "正在准备",
  late: "掩膜来得太晚,无法显示",
  paused: "没有可处理的画面",
  failed: "计算进程已丢失,将自动恢复",
  lost: "服务器没有消息",
};

const translateReason = createReasonTranslator("zh");

const sourceStates: Record<SourceState, string> = {
  connecting: "正在连接信号源",
  playing: "播放中",
  stalled: "信号源停顿",
  reconnecting: "正在重新连接信号源",
  ended: "信号源已结束",
  failed: "信号源故障",
};

const modes: Record<MatchMode, string> = { exact: "精确", live: "实时" };
const styles: Record<OverlayStyle, string> = { outline: "轮廓", fill: "填充", box: "角框", off: "无标记" };
const colors: Record<OverlayColor, string> = { teal: "青绿", yellow: "黄色", white: "白色", blue: "浅蓝" };
const widths: Record<LineWidth, string> = { thin: "细", normal: "中", thick: "粗" };
const layouts: Record<ViewLayout, string> = { single: "单画面", beside: "并列原始画面" };

function nextAttempt(retry: SourceRetry): string {
  return retry.in_s === 0 ? `正在进行第 ${retry.attempt} 次尝试` : `${retry.in_s} 秒后第 ${retry.attempt} 次尝试`;
}

export const zh: Strings = {
  product: "SALI Live",
  notMedical: "非医疗器械",
  sessions: "会话",
  wall: "总览",
  pages: "页面",
  noSessions: "没有正在运行的会话。可在下方新建。",
  noRooms: "没有正在运行的会话。",
  roomsWithoutVideo: (limit) => `只显示前 ${limit} 个会话的视频;所有会话的状态都会显示。`,
  loading: "正在询问服务器……",
  unreachable: "服务器没有响应。正在重试……",
  open: "打开",
  end: "结束",
  confirmEnd: (name) => `要为所有人结束会话“${name}”吗?`,
  newSession: "新建会话",
  start: "开始",
  starting: "正在开始……",
  name: "名称",
  namePlaceholder: "1 号检查室",
  source: "信号源",
  sourceKinds: {
    demo: "演示场景",
    file: "服务器上的视频文件",
    rtsp: "RTSP 摄像机",
    capture: "服务器的采集设备",
    whip: "WHIP 推流端",
    frames: "程序推送的画面",
  },
  targetLabels: {
    demo: "",
    file: "服务器上的路径",
    rtsp: "地址",
    capture: "设备",
    whip: "",
    frames: "",
  },
  targetPlaceholders: {
    demo: "",
    file: "/videos/examination.mp4",
    rtsp: "rtsp://camera.example/stream",
    capture: "/dev/video0?size=1920x1080&fps=60",
    whip: "",
    frames: "",
  },
  loop: "循环播放文件",
  whipHint: (path) => `推流到 ${path}`,
  framesHint: (path) => `将画面推送到 ${path}`,
  viewers: (count) => `${count} 人观看`,
  tokenTitle: "此服务器需要令牌",
  tokenLabel: "令牌",
  tokenEnter: "继续",
  tokenWrong: "令牌被拒绝。",

  aiState: (state) => aiStates[state],
  aiReason: (state, reason) => (reason === "" ? aiReasons[state] : translateReason(reason)),
  sourceState: (state) => sourceStates[state],
  sourceReason: (reason, retry) =>
    [translateReason(reason), retry === null ? "" : nextAttempt(retry)].filter(Boolean).join(";"),
  mode: (mode) => modes[mode],
  style: (style) => styles[style],
  color: (color) => colors[color],
  width: (width) => widths[width],
  layout: (layout) => layouts[layout],
  chime: (chime) => ({ off: "关", on: "开" })[chime],
  videoDelay: (delayMs) => (delayMs === null ? "视频 – ms" : `视频 +${Math.round(delayMs)} ms`),
  maskLatency: (latencyMs, limitMs) =>
    `掩膜 ${latencyMs === null ? "–" : Math.round(latencyMs)} ms / ${limitMs}`,
  coverage: (masks, frames) => `${frames} 帧中 ${masks} 帧有掩膜`,
  coverageTitle: "最近一秒内。AI 来不及处理每一帧;实时模式显示最新的掩膜",
  delayTitle: "为了在画面上绘制其自身的掩膜,每帧在此保留的时间",
  latencyTitle: "绘制掩膜时画面的时龄(95 % 更快)与上限",
  methods: { burned: "掩膜由服务器绘制", none: "此浏览器不显示掩膜" },
  burnedTitle: "此浏览器无法区分视频帧:掩膜绘入视频或不显示,其外观不可选择",
  pictureStill: "没有新画面",

  back: "返回",
  backToList: "返回会话列表",
  fullScreen: "全屏",
  help: "按键与模式",
  newPatient: "新患者",
  confirmNewPatient: "要让 AI 忘记在此会话中看到的内容吗?",
  cancel: "取消",
  close: "关闭",
  apply: "应用",
  region: "区域",
  regionTitle: "AI 看到画面的哪一部分",
  regionModes: {
    auto: "自动寻找内镜画面",
    full: "整个画面",
    rectangle: "此矩形,单位为视频像素",
  },
  regionEdges: { x: "左", y: "上", width: "宽", height: "高" },
  regionDraw: "绘制",
  regionDrawHint: "围绕内镜画面画一个矩形。按 Esc 放弃。",

  view: "显示",
  viewTitle: "画面的显示方式",
  viewSettings: {
    style: "掩膜",
    color: "颜色",
    width: "线宽",
    opacity: "不透明度",
    layout: "布局",
    mode: "模式",
    chime: "新发现提示音",
    language: "语言",
  },
  percent: (share) => `${Math.round(100 * share)} %`,

  connectingVideo: "正在连接视频……",
  waitingForPicture: "已连接。等待第一帧画面……",
  retryingVideo: (reason) => `没有视频:${reason}。正在重试……`,
  videoStalled: "画面不再到来",
  videoConnectionLost: "连接已断开",
  serverSilent: "服务器没有响应",
  sessionGone: "此会话已不存在。",
  overlayStopped: "标记绘制已停止工作;请重新载入页面",
  sessionEnded: "此会话已结束。",
  noWebRtc: "此浏览器不支持 WebRTC。",

  command: (id) => (zh.commands as Partial<Record<string, string>>)[id],
  commands: {
    leave: "返回列表(先关闭对话框)",
    peek: "按住时隐藏标记",
    style: "轮廓、填充、角框、无标记",
    mode: "精确或实时模式",
    layout: "并列原始画面或单画面",
    region: "AI 看到画面的哪一部分",
    newPatient: "新患者:AI 忘记已看到的内容",
    view: "画面的显示方式",
    fullScreen: "全屏",
    help: "本帮助",
  },
  keyNames: { " ": "空格", escape: "Esc", arrowleft: "←", arrowright: "→" },
  held: (key) => `${key}(按住)`,
  changeKey: "更改",
  changeKeyOf: (command) => `更改按键:${command}`,
  pressKey: "请按键或踩踏板",
  resetKeys: "恢复默认按键",
  keysHint: "会发送按键的踏板与键盘相同:先按“更改”,再踩踏板。",
  helpExact: "精确:每帧等待其自身的掩膜,最多 250 ms,然后带掩膜或不带掩膜显示。",
  helpLive: "实时:每帧立即显示,配最新的掩膜,旁边注明其时龄。",
  helpLimit: "时龄超过 250 ms 的掩膜永不显示。",
};
