"""Every einsum string of the tests of opt_einsum, NumPy, JAX and PyTorch, and the forms that broke others.

One tuple per library: the strings as they stand there, less those that are errors. A string with an ellipsis
comes with operand shapes, for the string alone does not say how many axes there are. Where the original
stretches an axis of size 1, or sums over an ellipsis, the shapes here do not: there the libraries disagree.
"""

import math
import zlib
from typing import NamedTuple

import numpy as np

# opt_einsum: test_contract, test_input, test_edge_cases, test_paths, test_sharing, test_backends
OPT_EINSUM = (
    ",", ",,->", ",,a,->a", ",a,->a", ",ab,->ab", "->", "AB,BC->CA", "a,->a", "a,ab,abc->abc",
    "a,ac,ab,ad,cd,bd,bc->", "a,b", "a,b,ab->ab", "a,b,abc->c", "a,b,c", "a,b->", "a,bcd,efg->",
    "aab,bc->ac", "aab,bcc->ac", "aab,ccb->ac", "aab,fa,df,ecc->bde", "ab,->", "ab,->ab", "ab,ab",
    "ab,ab,c->", "ab,ab,c->c", "ab,ab,cd,cd,ef,ef->", "ab,ab,cd,cd->", "ab,ab,cd,cd->ac",
    "ab,ab,cd,cd->cd", "ab,ba", "ab,bc", "ab,bc,bd->acd", "ab,bc,cd", "ab,bc,cd->", "ab,bc,cd->a",
    "ab,bc,cd->b", "ab,bc,cd->c", "ab,bc,de->", "ab,bc->ac", "ab,bc->ca", "ab,bcc->ac", "ab,bcd,cd->abcd",
    "ab,bcd,cd->abd", "ab,cb", "ab,cd,ad,cb", "ab,cd,de->abcde", "ab,cd,de->be", "ab,cd,ef,fg",
    "ab,cd,ef->abcdef", "ab,cd,ef->acdf", "abc,abc", "abc,bac", "abc,bcd,dea", "abc,bcd,df->fa",
    "abc,bcd->da", "abc,bdef,fghj,cem,mhk,ljk->adgl", "abc,cba", "abc,cfd,dbe,efa", "abc,def->fedcba",
    "abcd,ab", "abcd,ad", "abcd,cd", "abcd,cdef", "abcd,cdef->feba", "abcd,ea,fb,gc,hd->efgh",
    "abcd,efdc", "abhe,hidj,jgba,hiab,gab", "abjk,kl,jl", "abjk,kl,jl,ab->ab",
    "acdf,jbje,gihb,hfac,gfac,gifabc,hfac", "adb,bc,fa,cfc->d", "aef,fbc,dca->bde", "afd,ba,cc,dc->bf",
    "ajk,kbl,jl,ab->ab", "ba,bc", "ba,cb", "baa,bcc->ac", "baa,dcf,af,cde->be", "bb,ff,be->e",
    "bbd,bda,fc,db->acf", "bc,ab->bca", "bca,bd->acd", "bca,cdb,dbf,afc->", "bcb,bb,fc,fff->",
    "bcf,bbb,fbf,fc->", "bd,db,eac->ace", "bde,cdh,agdb,hica,ibd,hgicd,hiac",
    "bdef,cdkj,ji,ikeh,hbc,lfo", "bdhe,acad,hiab,agac,hibd", "c,d->", "cba->abc",
    "cd,bdhe,aidb,hgca,gc,hgibcd,hgac", "chd,bde,agbc,hiad,bdi,cgh,agdb",
    "chd,bde,agbc,hiad,hgc,hgi,hiad", "da,ab", "dba,ead,cad->bce", "dcc,fce,ea,dbf->ab",
    "dd,fb,be,cdb->cef", "ea,fb,abcd,gc,hd->efgh", "ea,fb,gc,hd,abcd->efgh", "eb,cb,fb->cef",
    "ecb,fef,bad,ed->ac", "ed,fcd,ff,bcf->be", "efc,dbc,acf,fd->abe", "fbb,dfd,fc,fc->",
    "fdf,cdd,ccd,afe->ae", "fff,fae,bef,def->abd", "hbc,bdef,cdkj,ji,ikeh,lfo", "i,j->ij", "ii->i",
    "ij,ij->j", "ij,jk,kl", "ij,jk,kl->", "ij,jk,kl->il", "ij,jk,kl->li", "ij,jk->ik", "ij->ij",
    "ij->jij", "ijab,acd,bce,df,ef->ji", "ijk,ikj", "ijk,k->ij", "ijk,kl,jl", "ijk,kl,jl,i->i",
    "nlp,nlq,pl->n", "obk,ijk->ioj",
)
OPT_EINSUM_ELLIPSIS = (
    ("...,...",         ((2, 3), (2, 3))),
    ("...,...",         ((), ())),
    ("...a",            ((2, 3),)),
    ("...a,...b",       ((2, 3), (2, 1))),
    ("...a,ab",         ((2, 3), (3, 2))),
    ("...a->...",       ((2, 1, 3),)),
    ("...a->...a",      ((3, 2),)),
    ("...b,...a->...",  ((2, 3), (2, 2))),
    ("...i",            ((3,),)),
    ("...ij,...jk->...ik", ((2, 1, 3), (2, 3, 2))),
    ("a...->...",       ((3, 2),)),
    ("a...a->...a",     ((3, 2, 3),)),
    ("i...",            ((2, 3),)),
    ("i...j",           ((2, 1, 3),)),
    ("ij...",           ((2, 3, 2),)),
)

# NumPy: numpy/_core/tests/test_einsum.py
NUMPY = (
    "ii->i", "jii->ij", "iii->i", "ijk->jik", "i->", "i,j", "ij,j", "ij, j", "ji,j", "ij,jk", "ij, jh",
    "ij,jk,kl", "ijk, jil -> kl", "ijk,jil->kl", "i,i,i->i", ",i->", "i,->", "i,i", "i, i", "i,->i",
    ",i->i", "z,mz,zm->", "ij,ij->j", "ji,i->", "i,ij->", "ij,i->", "ijklm,ijn,ijn->", "ijklm,ijn->",
    "x,yx,zx->xzy", "i,i->", "ijk,j->ijk", "ik,kj->ij", "ijkl,k->ijl", "ijkl,k", "cl, cpx->lpx",
    "cl, cpxy->lpxy", "aabb->ab", "ijij->", "mi,mi,mi->m", "im,im,im->m", "i,i->i", "i,i,i->",
    "i,i,i,i->", "ij->", "ij->i", "ij->j", "aabcb,abc", ",", "",
    "a,ab,abc->abc", "a,b,ab->ab", "ea,fb,gc,hd,abcd->efgh", "ea,fb,abcd,gc,hd->efgh",
    "abcd,ea,fb,gc,hd->efgh", "acdf,jbje,gihb,hfac", "acdf,jbje,gihb,hfac,gfac,gifabc,hfac",
    "cd,bdhe,aidb,hgca,gc,hgibcd,hgac", "abhe,hidj,jgba,hiab,gab", "bde,cdh,agdb,hica,ibd,hgicd,hiac",
    "chd,bde,agbc,hiad,hgc,hgi,hiad", "chd,bde,agbc,hiad,bdi,cgh,agdb", "bdhe,acad,hiab,agac,hibd",
    "ab,ab,c->", "ab,ab,c->c", "ab,ab,cd,cd->", "ab,ab,cd,cd->ac", "ab,ab,cd,cd->cd",
    "ab,ab,cd,cd,ef,ef->", "ab,cd,ef->abcdef", "ab,cd,ef->acdf", "ab,cd,de->abcde", "ab,cd,de->be",
    "ab,bcd,cd->abcd", "ab,bcd,cd->abd", "eb,cb,fb->cef", "dd,fb,be,cdb->cef", "bca,cdb,dbf,afc->",
    "dcc,fce,ea,dbf->ab", "fdf,cdd,ccd,afe->ae", "abcd,ad", "ed,fcd,ff,bcf->be", "baa,dcf,af,cde->be",
    "bd,db,eac->ace", "fff,fae,bef,def->abd", "efc,dbc,acf,fd->abe", "ba,ac,da->bcd", "ab,ab", "ab,ba",
    "abc,abc", "abc,bac", "abc,cba", "aab,fa,df,ecc->bde", "ecb,fef,bad,ed->ac", "bcf,bbb,fbf,fc->",
    "bb,ff,be->e", "bcb,bb,fc,fff->", "fbb,dfd,fc,fc->", "afd,ba,cc,dc->bf", "adb,bc,fa,cfc->d",
    "bbd,bda,fc,db->acf", "dba,ead,cad->bce", "aef,fbc,dca->bde", "bbcdc->d", "ijk,kl,jl",
    "ijk,kl,jl,i->i", "abjk,kl,jl", "abjk,kl,jl,ab->ab", "obk,ijk->ioj", "ijp,ipq,ikq->ijk",
    "jhcabhijaci,dfijejgh->fgje", "baegffahgc,hdggeff->dhg", "cehgbaifff,fhhdegih->cdghbi",
    "gah,cdbcghefg->ef", "cacc,bcb->", "a,b,c->abc", "a,ac,ab,ad,cd,bd,bc->", "cab,cdd->ab",
    "ab,bc,cd,de->ae", "a,a,a->a", "ij,jk->ik",
)
NUMPY_ELLIPSIS = (
    ("...",                ((2, 3),)),
    ("..., ...",           ((2, 3), (2, 3))),
    ("..., ...",           ((), ())),
    ("...i, ...i",         ((2, 3), (2, 3))),
    ("...i,...i",          ((3,), (3,))),
    ("i..., i...",         ((2, 3), (2, 3))),
    ("...ii->...i",        ((2, 3, 3),)),
    ("ii...->...i",        ((3, 3, 2),)),
    ("...ii->i...",        ((2, 3, 3),)),
    ("ii...->i...",        ((3, 3, 2),)),
    ("i...i->i...",        ((3, 2, 3),)),
    ("i...i->...i",        ((3, 2, 3),)),
    ("...i->...",          ((2, 3),)),
    ("i...->...",          ((2, 3),)),
    ("i...k->...",         ((2, 1, 3, 2),)),
    ("...a->...a",         ((2, 1, 3),)),
    ("ij...,j...->i...",   ((1, 2), (2, 2, 1))),
    ("ij...,j...->ij...",  ((2, 3, 2), (3,))),
    ("ij...,...j->ij...",  ((2, 3, 2), (3,))),
    ("ij...,j->ij...",     ((2, 3, 2), (3,))),
    ("ik...,k...->i...",   ((2, 3), (3, 2))),
    ("ik...,...kj->i...j", ((2, 3), (3, 2))),
    ("...k,kj",            ((2, 3), (3, 2))),
    ("ik,k...->i...",      ((2, 3), (3, 2))),
    ("...kl,k",            ((2, 1, 3, 2), (3,))),
    ("...kl,k...",         ((2, 2, 3, 2), (3,))),
    ("...lmn,...lmno->...o", ((1, 2, 3, 2, 1), (3, 2, 1, 2))),
    ("...lmn,lmno->...o",  ((1, 2, 3, 2, 1), (3, 2, 1, 2))),
    ("...ij,...jk->...ik", ((2, 2, 3), (2, 3, 1))),
    ("...ft,mf->...mt",    ((2, 3, 2), (2, 3))),
)

# JAX: tests/lax_numpy_einsum_test.py
JAX = (
    "i,j,k->ijk", "ij,j->i", "ijk,j->i", "iji,i->j", "ij,ij->", "nij,jk->nik", "sa,shb->shab", "ijk->j",
    "ijk->kij", "ijk->ki", "ii->", "ij->", "iii->", "ii->i", "iij->i", "iii->i", "iijkk->i", "iijkk->ik",
    "iijkl->il", "ij->ij", "ijj,k->ik", "ij,ij,jk->ik", "abc,bad->abcd", "abcdef,bcdfg->abcdeg",
    "ea,fb,abcd,gc,hd->efgh", "ab,b", "aa", "a,a->", "a,a->a", "a,a", "a,b", "a,b,c", "a", "ba,b",
    "ba,b->", "defab,fedbc->defac", "aa->a", "ab,ab,c->c", "aab,bc->ac", "aab,bcc->ac",
    "fdf,cdd,ccd,afe->ae", "fff,fae,bef,def->abd", "ijkl,ijml->ijkm", "ij,jk,kl->il", "ntk,kd,dc->nc",
    "cij,cjk->cik", "ijk,kl->ijl", "baa->ba", "i->", "ij,jk", "ij,jkl,klm", "ij,ik,il->jkl",
)
JAX_ELLIPSIS = (
    ("...ijk->...ki",      ((2, 3, 1, 2),)),
    ("...ijk->ki",         ((3, 1, 2),)),
    ("ij...,jk...->ik...", ((2, 3, 2, 1), (3, 2, 2, 1))),
    ("ab...,bc...->ac...", ((2, 3, 1, 2), (3, 2, 1, 2))),
    ("a...a",              ((3, 2, 1, 3),)),
    ("abc...->cba...",     ((2, 3, 1, 2, 2),)),
    ("...ab->...a",        ((2, 2, 3, 1),)),
    ("a...a->a...",        ((3, 1, 2, 3),)),
    ("...abc,...abcd->...d", ((2, 3, 1, 2), (2, 3, 1, 2, 3))),
    ("ab...,b->ab...",     ((2, 3, 1, 2), (3,))),
    ("...ij,...j",         ((2, 2, 3, 3), (2, 3))),
)

# PyTorch: sample_inputs_einsum and the test_einsum* of test/test_linalg.py (its blanks are kept)
TORCH = (
    "i->", "i,i->", "i,i->i", "i,j->ij", "ij->ji", "ij->j", "ij->i", "ij,ij->ij", "ij,j->i", "ij,kj->ik",
    "ij,ab->ijab", "ij,Ab->ijAb", "Aij,Ajk->Aik", "aij,ajk->aik", "ijk,jk->i", "aij,jk->aik",
    "abCd,dFg->abCFg", "ijk,jk->ik", "ijk,jk->ij", "ijk,ik->j", "ijk,ik->jk", "ii", "ii->i", "iji->j",
    "bn,anm,bm->ba", "bn,Anm,bm->bA", " ", " -> ", " , ", " , , ", " , -> ", " i ", " i -> ", " i -> i ",
    " i , i ", " i , i -> i ", "i", " i j -> j", " i j k  ,  k  -> i j ", "i,j", "i,ij->ij", "ij,kj",
)
TORCH_ELLIPSIS = (
    ("ngrg...->nrg...",    ((2, 1, 3, 1, 2),)),
    ("i...->...",          ((3, 3),)),
    ("ki,...k->i...",      ((3, 2), (2, 3))),
    ("ki,...k",            ((3, 2), (2, 3))),
    ("k...,jk->...",       ((3,), (2, 3))),
    ("...ik, ...j -> ij",  ((2, 3), (2,))),
    ("...ik, ...j -> ...ij", ((1, 2, 3), (2,))),
    ("Bik,k...j->i...j",   ((2, 3, 2), (2, 3))),
    ("i...j, ij... -> ...ij", ((2, 2, 3, 1), (2, 1, 2, 3))),
    ("...",                ((),)),
    ("...->",              ((),)),
    ("...->...",           ((2,),)),
    ("z...->z",            ((3,),)),
    ("Z...->...Z",         ((3,),)),
    ("...a->",             ((2,),)),
    ("a...b->ab",          ((2, 3),)),
)

# Forms on which an autodiff library failed or refused, and what only a repeated output label can say.
SPECIAL = (
    "ii->", "ii->i", "ijji->ij", "iij->j", "iij->ij", "nd,nn->d", "abcd->bd", "ij,kl->", ",ij->ij", "i,i",
    "ijji,kji,jj->kj", "ijkl,ji,lk->", "a,ab,b->", "i,ij,j->", "iij,jk->ik", "ijj->i", "is,st,tj->ij",
    "ij,jk,kl,lm->im", "i,j,k,l->",
    "i->ii", "i->iii", "a->aa", "ii->ii", "ij->iij", "ij->jji", "ij->ijij", "i,i->ii", "ij,j->ijj",
    "ij,jk->iik", "ij,jk->kiik", "i,j->ijji", "ij,->jj", "ijj->jij",
)
SPECIAL_ELLIPSIS = (
    ("i...,i->...",        ((3, 2, 2), (3,))),
    ("i...->i...i",        ((3, 2),)),
    ("...ij,...jk->...ik", ((3, 2, 1, 2), (2, 2, 3))),
    ("...,...->...",       ((2, 3), (3,))),
)
# An output label that no input has: its size must be told.
BROADCAST = (
    ("i->ij",   ((2,),),        {"j": 3}),
    ("->i",     ((),),          {"i": 3}),
    ("->ii",    ((),),          {"i": 3}),
    ("ij->ikj", ((2, 3),),      {"k": 2}),
    ("i->jij",  ((3,),),        {"j": 2}),
    ("ij->k",   ((2, 3),),      {"k": 2}),
    ("i,i->ij", ((3,), (3,)),   {"j": 0}),
    ("ij,jk->ikl", ((2, 3), (3, 2)), {"l": 1}),
)


class Case(NamedTuple):
    subscripts: str
    shapes: tuple
    sizes: dict | None = None

    @property
    def names(self):
        """A different tensor for every slot: `("A", "B", ...)`."""
        return tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:len(self.shapes)])


# Keeps the loops, the dense derivative of the given order and the printed einsum with its deltas small.
BUDGET = {1: 30_000, 2: 300_000}


def _rng(text, seed):
    """`hash` of a string differs from run to run; this does not."""
    return np.random.default_rng([seed, zlib.crc32(text.encode())])


def shapes_for(subscripts, seed=0, order=1):
    """Shapes of all operands of a string without ellipsis: labels get sizes in 1..3, not all the same."""
    left, _, right = "".join(subscripts.split()).partition("->")
    terms = left.split(",")
    labels = sorted(set(left + right) - {","})
    # Few ones, for a wrong label goes unnoticed there; never all equal.
    pattern = np.resize((3, 2, 2, 3, 1), len(labels))
    sizes = dict(zip(labels, _rng(subscripts, seed).permutation(pattern).tolist()))

    def cost():
        entries = max(math.prod(sizes[label] for label in term) for term in terms)
        return math.prod(sizes.values()) * entries ** order

    while cost() > BUDGET[order]:
        sizes[max(sizes, key=sizes.get)] -= 1
    return tuple(tuple(sizes[label] for label in term) for term in terms)


def integers_for(shapes, seed=0):
    """Arrays of integers in -4..4 without 0, which would hide mistakes."""
    rng = _rng(repr(shapes), seed)
    return [np.asarray(rng.integers(1, 5, shape) * rng.choice((-1, 1), shape)) for shape in shapes]


def _cases(tables, order):
    for table in tables:
        for row in table:
            yield Case(row, shapes_for(row, order=order)) if isinstance(row, str) else Case(*row)


def _unique(cases):
    """Every string with its shapes once: the libraries took many from each other."""
    return tuple({case[:2]: case for case in cases}.values())


STRINGS = (OPT_EINSUM, NUMPY, JAX, TORCH, SPECIAL)
ELLIPSES = (OPT_EINSUM_ELLIPSIS, NUMPY_ELLIPSIS, JAX_ELLIPSIS, TORCH_ELLIPSIS, SPECIAL_ELLIPSIS)
CASES = _unique(_cases((*STRINGS, *ELLIPSES, BROADCAST), order=1))
# The same strings with sizes small enough for a dense second derivative.
SECOND_ORDER_CASES = _unique(_cases((*STRINGS, *ELLIPSES, BROADCAST), order=2))
