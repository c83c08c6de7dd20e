"""Silent AC-3 and E-AC-3 frames of 1536 samples at 48 kHz: their bits are not put together as simply as others'.

Made by encoding silence with ffmpeg (`-f lavfi -i anullsrc=r=48000 -c:a ac3 -ac 2 -b:a 96k` and so on); all frames of
such a file are equal, and this is one of them.
"""

from __future__ import annotations

import base64
import zlib

from streaming.mpegts.psi import Codec


def silent_frame(codec: Codec, channels: int) -> bytes:
    """A silent frame of AC-3 or E-AC-3 with 1, 2 or 6 channels."""
    return zlib.decompress(base64.b85decode(_FRAMES[codec, channels]))


_FRAMES = {
    (Codec.AC3, 1): (
        b"c-rGGpJ2%0px>hD{I9g;=jZ3==iA|?diEa_U|?Y2T@U2n&fRwVc)y%Y#mC1WD(`mgzM5-WHGt9#xj@Cwfb#cXl0d5LcJAkATUR;&"
        b"rJ1vV2AToo;gZMurMKPApKrR>3#45-9%$RP+qv5jrdQnEcDv^1+N=PO{4JnU&I0B4AWT2@cH8aeXS0JEfYNN&fzAawE*D|CoO$lH"
        b"`*zt;6By8dHx~eTG=g>"
    ),
    (Codec.AC3, 2): (
        b"c-rGGf6vb2;QWy710x3qhaw{*OSrsU&Ck!z&(F83`TegH#{BVrZahrf=)c_A*$NCGAZNWB1R59+fHynp8kk=W21qgtJP?ZcI9R3t"
        b"NrrK4cGLwBgYO*(JV2I$8eRdGd53JCDNq+!$z2e*gDhnLq4;INQU{P^*tV|Cb^tLjoz4ce@iACt2eNtBwyw<p(d-ybXMh@RgXv!>"
        b"pe`^2)9DZpv<(31xnjQ"
    ),
    (Codec.AC3, 6): (
        b"c-rGG&-g6j@cM^?-9H8=CMFIC2S*ML4n;;r76k=`&^WuApP!$fpAV$I|9J&te*AB>4<=rJZvA|yBKgm&A@ZM}A4gIA^q<B=C6`Vi"
        b"6$T(+K6X2Id%v7bd3iYl46yfZyPYp*Q}OQIJGdCXbndo$HWeT5-n|1ClQX-WyQkvg<K4S=z{PBGx7`K`9WO60fQ#kbu!FKbZo8fP"
        b"_;|nU-Ma^1l8ldmI*#|tS?}K6028CcQPSJ^8*n?N;&$#fpitktcMsrV6gZ0QZSw=l!-rT$?N0bXdH4*{NCQ((t^oiS^9_;"
    ),
    (Codec.EAC3, 1): (
        b"c-rGGXQ(%7Kfu7iVW9ZmYG2LI&(F`#x5G&R6*8Cu*}2<p=kBTa`1p9goDGQT-FEwVZ+6tRt!p!YDtLkFX9JbwLnI+;a<~0_3{sFC"
        b"1ysQdH0;@Jpc0q?AnJDRz6!8{YYjjp_kk7yZP|vfq+ibLcK$q5kb<oXsN#^z^#J%Zk39"
    ),
    (Codec.EAC3, 2): (
        b"c-rGGXV`Djet<!Nfq}uDfq{jEg%Jq)=iAl%{QUg<e7oBJR{NmLn)-9=Vd4xRz+Un3@$qsXV1NPM?5Jy7*JeLI0Aw@o0ZQ)%f(8a;"
        b"fGNxd)B)7?`2mp4c+aNd<6R&)fT9Ugm>FzQ)Xxtf&U-nVig!Tp07Vm~FeBKawKYFLobrA-8<67*P&Hu+gDtwYuLi`nKHe{94Rrht"
        b"R85$|kbsD{1F>ZvAMck1I{pp=I*?iq0LJ}#>H"
    ),
    (Codec.EAC3, 6): (
        b"c-rGGXRNnxKfs{Cz`(!+#4H~23@j`xjEsy74h{|i0s=se#Lv&q&(F830aEuruZA&?|9J%y|M=f(Uk#K~e{MZQ{``D-6vaTp8JLgV"
        b"&fRwVc)y(W?%g|peBSJ+Yg-op8PY)Ed^wwnckkXkV1R%MkkX2ekB^s^mqUe^fg-t&kN3;oy?X~L#E(U14v1iUjH;Mz>)Pz73m`jz"
        b"!rS}hY=FiVKsDHal<ooAwR`vO28a+NP-Gj>@;;!sP*v=`m^#hC<VRG+%s@}A%>dbn>RS+yGXsj<v#I!a_wL;TP%$hXJ%*`M8e6C^"
        b"0zGwY3-LjN#iNfgb@Db~3zci25F{aJFg^MaQzzR2Y@q^57Hdfe8sbt<0s}hmumAvI12P@"
    ),
}
