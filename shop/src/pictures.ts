/** The products, drawn. Each drawing fills 240 by 180; the colours suit a light and a dark ground. */

import { drawing } from "./dom";

const SHADOW = '<ellipse cx="120" cy="154" rx="66" ry="7" fill="#0b1f24" opacity=".13"/>';

const DRAWINGS: Record<string, string> = {
  lantern: `${SHADOW}
    <path d="M92 66c-6-52 62-52 56 0" fill="none" stroke="#54696d" stroke-width="4" stroke-linecap="round"/>
    <path d="M104 44h32l8 18H96z" fill="#2f6f67"/><rect x="112" y="34" width="16" height="11" rx="3" fill="#245952"/>
    <path d="M99 62h42c10 16 12 42 2 58H97c-10-16-8-42 2-58z" fill="#f3e3b4" opacity=".92"/>
    <path d="M120 78c12 14 12 24 6 31-4 4-9 4-12 0-7-7-5-18 6-31z" fill="#e08a3c"/>
    <path d="M120 93c6 7 6 12 3 15-2 2-4 2-6 0-3-3-3-8 3-15z" fill="#fbe7a8"/>
    <path d="M98 64c-5 16-5 38 1 54M142 64c5 16 5 38-1 54" fill="none" stroke="#54696d" stroke-width="3"/>
    <path d="M92 120h56l7 22a8 8 0 0 1-8 10H93a8 8 0 0 1-8-10z" fill="#2f6f67"/>
    <path d="M88 134h64" stroke="#245952" stroke-width="3"/><circle cx="154" cy="128" r="6" fill="#c9963f"/>`,
  blanket: `${SHADOW}
    <rect x="54" y="114" width="132" height="38" rx="16" fill="#b9a888"/><path d="M66 133h118" stroke="#9c8b6b" stroke-width="3"/>
    <rect x="54" y="79" width="132" height="38" rx="16" fill="#d8cbb0"/><path d="M66 98h118" stroke="#b9a888" stroke-width="3"/>
    <rect x="54" y="44" width="132" height="38" rx="16" fill="#ebe3d0"/><path d="M66 63h118" stroke="#d0c3a6" stroke-width="3"/>
    <path d="M84 44v108M98 44v108" stroke="#7a4f3a" stroke-width="6"/><path d="M109 44v108" stroke="#c07b52" stroke-width="4"/>
    <path d="M54 82h132M54 117h132" stroke="#4a3a26" stroke-width="1.5" opacity=".28"/>`,
  moka: `${SHADOW}
    <path d="M152 58h20c8 0 12 5 11 13l-5 32" fill="none" stroke="#4a5f64" stroke-width="11" stroke-linecap="round"/>
    <path d="M92 92h56l14 60H78z" fill="#b7c3c5"/><path d="M120 92h28l14 60h-42z" fill="#9dacaf"/>
    <path d="M104 92h16v60H94z" fill="#cbd5d6"/>
    <path d="M88 82h64v13H88z" fill="#82949a"/>
    <path d="M80 46h78l-10 37H92z" fill="#b7c3c5"/><path d="M120 46h38l-10 37h-28z" fill="#9dacaf"/>
    <path d="M102 46h18v37h-14z" fill="#cbd5d6"/><path d="M80 46 66 60l22 6z" fill="#9dacaf"/>
    <path d="M84 46c8-10 20-14 35-14s28 4 36 14z" fill="#82949a"/><circle cx="119" cy="26" r="7" fill="#4a5f64"/>
    <circle cx="120" cy="118" r="4" fill="#c9963f"/>`,
  kettle: `${SHADOW}
    <path d="M88 128C58 128 66 70 46 56" fill="none" stroke="#7f9296" stroke-width="9" stroke-linecap="round"/>
    <path d="M51 53l-13-2 3 12z" fill="#7f9296"/>
    <path d="M142 66c46-14 52 28 16 58" fill="none" stroke="#4a5f64" stroke-width="10" stroke-linecap="round"/>
    <path d="M92 70h58l20 76a6 6 0 0 1-6 7H78a6 6 0 0 1-6-7z" fill="#a9b8bb"/>
    <path d="M121 70h29l20 76a6 6 0 0 1-6 7h-43z" fill="#93a4a8"/><path d="M100 70h9l-8 83h-10z" fill="#c9d4d5"/>
    <path d="M90 70c2-12 16-18 31-18s29 6 31 18z" fill="#7f9296"/><rect x="114" y="40" width="14" height="13" rx="5" fill="#4a5f64"/>`,
  cup: `${SHADOW}
    <path d="M102 46c-8-10 8-14 0-26M122 46c-8-10 8-14 0-26M142 46c-8-10 8-14 0-26" fill="none" stroke="#9fb2b5" stroke-width="4" stroke-linecap="round" opacity=".75"/>
    <path d="M160 80c34-8 38 46-4 46" fill="none" stroke="#dfe6e2" stroke-width="10"/>
    <path d="M160 80c34-8 38 46-4 46" fill="none" stroke="#b8c6c4" stroke-width="2" transform="translate(1 6)"/>
    <path d="M76 62h88l-6 80a12 12 0 0 1-12 11H94a12 12 0 0 1-12-11z" fill="#eef2ef"/>
    <path d="M128 62h36l-6 80a12 12 0 0 1-12 11h-22z" fill="#d9e2df"/>
    <ellipse cx="120" cy="62" rx="45" ry="9" fill="#2d5a78"/><ellipse cx="120" cy="63" rx="38" ry="6" fill="#5b3d2b"/>
    <path d="M94 92l9 13 9-13 8 13 9-13 9 13 9-13" fill="none" stroke="#2d5a78" stroke-width="3.5" stroke-linejoin="round"/>
    <circle cx="104" cy="132" r="2" fill="#9aa8a8"/><circle cx="137" cy="138" r="1.6" fill="#8b9a9a"/>`,
  tent: `<ellipse cx="120" cy="152" rx="92" ry="8" fill="#0b1f24" opacity=".13"/>
    <path d="M120 32 24 150h192z" fill="#c8743f"/><path d="M120 32 216 150h-66z" fill="#a95c2f"/>
    <path d="M120 32 78 150h72z" fill="#e0955c"/><path d="M120 56 92 150h24z" fill="#4a2f22"/>
    <path d="M120 56 144 150h-28z" fill="#5c3b2a"/><path d="M120 56 140 150h12c-2-30-16-68-32-94z" fill="#f0bd8c"/>
    <path d="M120 32v-10" stroke="#54696d" stroke-width="3" stroke-linecap="round"/>
    <path d="M44 126 14 152M196 126l30 26" stroke="#7d8f90" stroke-width="2"/>
    <path d="M14 152v-7M226 152v-7" stroke="#54696d" stroke-width="4" stroke-linecap="round"/>`,
  lamp: `${SHADOW}
    <path d="M64 86 44 150h92z" fill="#f6dd94" opacity=".34"/>
    <path d="M152 146 176 92 118 48" fill="none" stroke="#54696d" stroke-width="6" stroke-linejoin="round" stroke-linecap="round"/>
    <circle cx="176" cy="92" r="6" fill="#c9963f"/><circle cx="118" cy="48" r="5" fill="#c9963f"/>
    <path d="M126 42 108 34c-26 4-44 22-50 48l40 20c8-20 16-36 28-60z" fill="#2f6f67"/>
    <path d="M126 42 108 34c-9 6-16 12-22 20l28 14c4-9 8-17 12-26z" fill="#3b857b"/>
    <ellipse cx="78" cy="93" rx="23" ry="8" transform="rotate(26.5 78 93)" fill="#fbecb9"/>
    <path d="M126 146c0-9 11-14 26-14s26 5 26 14v6h-52z" fill="#245952"/>`,
  flask: `${SHADOW}
    <path d="M146 74c30 2 30 56 0 58" fill="none" stroke="#8c6a4a" stroke-width="7" stroke-linecap="round"/>
    <path d="M102 24h36a6 6 0 0 1 6 6v26H96V30a6 6 0 0 1 6-6z" fill="#b7c3c5"/><path d="M122 24h16a6 6 0 0 1 6 6v26h-22z" fill="#9dacaf"/>
    <path d="M92 56h56v8a8 8 0 0 1 4 7v73a9 9 0 0 1-9 9H97a9 9 0 0 1-9-9V71a8 8 0 0 1 4-7z" fill="#2f6f67"/>
    <path d="M122 56h26v8a8 8 0 0 1 4 7v73a9 9 0 0 1-9 9h-21z" fill="#275e57"/>
    <path d="M97 70h7v76h-7z" fill="#4a938a" opacity=".8"/><path d="M92 56h56" stroke="#82949a" stroke-width="4"/>
    <path d="M110 104l10-16 10 16M113 112h14" fill="none" stroke="#e6efe9" stroke-width="3" stroke-linejoin="round" stroke-linecap="round"/>`,
  compass: `${SHADOW}
    <path d="M104 34a16 12 0 1 1 32 0" fill="none" stroke="#8c6a2c" stroke-width="5"/>
    <circle cx="120" cy="94" r="60" fill="#c9963f"/><circle cx="120" cy="94" r="60" fill="none" stroke="#a67a2d" stroke-width="4"/>
    <circle cx="120" cy="94" r="48" fill="#f4efe0"/><circle cx="120" cy="94" r="40" fill="none" stroke="#cfc4a4" stroke-width="1.5"/>
    <path d="M120 50v9M120 129v9M76 94h9M155 94h9" stroke="#6b5a35" stroke-width="3" stroke-linecap="round"/>
    <path d="M89 63l5 5M146 120l5 5M151 63l-5 5M94 120l-5 5" stroke="#b5a67e" stroke-width="2" stroke-linecap="round"/>
    <path d="M143 66 127 99l-14-10z" fill="#b8452f"/><path d="M97 122l16-33 14 10z" fill="#54696d"/>
    <circle cx="120" cy="94" r="5" fill="#4a5f64"/>`,
};

export function picture(id: string): SVGSVGElement {
  return drawing(DRAWINGS[id] ?? SHADOW, "0 0 240 180", "picture");
}

const ICONS = {
  cart: '<path d="M3 4h3l2.4 11.5h10.2L21 8H7" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"/><circle cx="9.5" cy="19.5" r="1.6" fill="currentColor"/><circle cx="17.5" cy="19.5" r="1.6" fill="currentColor"/>',
  tag: '<path d="M3.5 4.5v7l9 9 8-8-9-9h-7z" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round"/><circle cx="8" cy="8.5" r="1.6" fill="currentColor"/>',
  clock: '<circle cx="12" cy="12" r="8.5" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M12 7v5.2l3.5 2" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>',
  parcel: '<path d="M12 3l8.5 4.5v9L12 21l-8.500-4.5v-9zM3.5 7.5 12 12l8.500-4.500M12 12v9M7.7 5.3l8.5 4.5" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linejoin="round"/>',
  bell: '<path d="M6 16.500V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"/>',
  close: '<path d="M6 6l12 12M18 6 6 18" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>',
  back: '<path d="M14 6l-6 6 6 6" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>',
  flake: '<path d="M12 2.5v19M3.8 7.2l16.4 9.600M20.2 7.2 3.8 16.800M9.5 4.5 12 7l2.500-2.500M9.5 19.5 12 17l2.5 2.5" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>',
} as const;

export type Icon = keyof typeof ICONS;

export function icon(name: Icon): SVGSVGElement {
  return drawing(ICONS[name], "0 0 24 24", "icon");
}
