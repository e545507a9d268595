"""The vendors' GraphQL schemas, as far as they are served here.

https://docs.github.com/en/graphql/overview/public-schema and
https://docs.gitlab.com/api/graphql/reference/: names, arguments and nullability are the
vendors', so a query with anything else is refused as they refuse it.
"""

from typing import Final

__all__ = ["GITHUB", "GITLAB"]

GITHUB: Final = """
scalar GitObjectID
scalar Base64String
enum RepositoryVisibility { INTERNAL PRIVATE PUBLIC }

interface GitObject { oid: GitObjectID! abbreviatedOid: String! }

type Query {
  repository(followRenames: Boolean = true, name: String!, owner: String!): Repository
}
type Repository {
  databaseId: Int
  nameWithOwner: String!
  isPrivate: Boolean!
  isArchived: Boolean!
  visibility: RepositoryVisibility!
  defaultBranchRef: Ref
  ref(qualifiedName: String!): Ref
  object(expression: String, oid: GitObjectID): GitObject
}
type Ref { name: String! prefix: String! target: GitObject }
type Commit implements GitObject {
  oid: GitObjectID!
  abbreviatedOid: String!
  message: String!
  tree: Tree!
  file(path: String!): TreeEntry
}
type Tag implements GitObject {
  oid: GitObjectID!
  abbreviatedOid: String!
  name: String!
  target: GitObject!
}
type Tree implements GitObject {
  oid: GitObjectID!
  abbreviatedOid: String!
  entries: [TreeEntry!]
}
type TreeEntry {
  name: String!
  nameRaw: Base64String!
  path: String
  mode: Int!
  type: String!
  oid: GitObjectID!
  size: Int!
  object: GitObject
}
type Blob implements GitObject {
  oid: GitObjectID!
  abbreviatedOid: String!
  byteSize: Int!
  isBinary: Boolean
  isTruncated: Boolean!
  text: String
}
"""
"""https://docs.github.com/en/graphql/reference/objects"""

GITLAB: Final = """
scalar BigInt

type PageInfo { hasNextPage: Boolean! endCursor: String }

type Query {
  project(fullPath: ID!): Project
  projects(
    ids: [ID!], after: String, before: String, first: Int, last: Int
  ): ProjectConnection
}
type ProjectConnection { nodes: [Project] pageInfo: PageInfo! }
type Project {
  id: ID!
  fullPath: ID!
  visibility: String
  archived: Boolean
  repository: Repository
}
type Repository {
  rootRef: String
  empty: Boolean!
  exists: Boolean!
  tree(path: String = "", recursive: Boolean = false, ref: String): Tree
  blobs(
    paths: [String!]!, ref: String,
    after: String, before: String, first: Int, last: Int
  ): RepositoryBlobConnection
}
type Tree {
  lastCommit: Commit
  trees(after: String, before: String, first: Int, last: Int): TreeEntryConnection!
  submodules(after: String, before: String, first: Int, last: Int): SubmoduleConnection!
  blobs(after: String, before: String, first: Int, last: Int): BlobConnection!
}
type Commit { id: ID! sha: String! shortId: String! }
type TreeEntryConnection { nodes: [TreeEntry] pageInfo: PageInfo! }
type SubmoduleConnection { nodes: [Submodule] pageInfo: PageInfo! }
type BlobConnection { nodes: [Blob] pageInfo: PageInfo! }
enum EntryType { blob commit tree }
type TreeEntry {
  id: ID! sha: String! name: String! type: EntryType! path: String! flatPath: String!
}
type Submodule {
  id: ID! sha: String! name: String! type: EntryType! path: String! flatPath: String!
  treeUrl: String webUrl: String
}
type Blob {
  id: ID! sha: String! name: String! type: EntryType! path: String! flatPath: String!
  mode: String lfsOid: String
}
type RepositoryBlobConnection { nodes: [RepositoryBlob] pageInfo: PageInfo! }
type RepositoryBlob {
  id: ID! oid: String! path: String! name: String mode: String lfsOid: String
  size: BigInt rawSize: BigInt rawBlob: String rawTextBlob: String
  storedExternally: Boolean
}
"""
"""https://docs.gitlab.com/api/graphql/reference/#repository and what it links to"""
